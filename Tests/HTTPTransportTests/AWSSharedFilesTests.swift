import HTTPTransport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// `~/.aws` as AWS's tools write it.
@Suite struct AWSSharedFilesTests {
    private static let credentials = """
        # by hand
        [default]
        aws_access_key_id = DEFAULTKEY
        aws_secret_access_key=default/secret+=
        [lake]
        aws_access_key_id = LAKEKEY ; a comment
        aws_secret_access_key = lake;secret#1
        aws_session_token = token
        """
    private static let config = """
        [default]
        region = eu-west-1

        [profile lake]
        region=eu-north-1
        aws_access_key_id = FROMCONFIG
        endpoint_url = http://lake:9000
        ca_bundle = /etc/lake.pem
        s3 =
          addressing_style = path
          endpoint_url = http://not.here
        services = mine
        [services mine]
        s3 =
          endpoint_url = http://s3.lake:9000
        glue =
        \tendpoint_url = http://glue.lake
        [profile person]
        sso_session = work
        [profile empty]
        """

    private func completed(
        _ variables: [String: String], credentials: String = credentials, config: String? = config
    ) throws -> [String: String] {
        var template = Array("/tmp/millrace-test-XXXXXX".utf8CString)
        let home = String(cString: try #require(mkdtemp(&template)))
        defer { for path in ["/.aws/credentials", "/.aws/config", "/.aws", ""] { remove(home + path) } }
        mkdir(home + "/.aws", 0o700)
        for (name, text) in [("credentials", credentials), ("config", config)] {
            guard let text else { continue }
            let file = try #require(fopen("\(home)/.aws/\(name)", "w"))
            fputs(text, file)
            fclose(file)
        }
        var result = try AWSSharedFiles.completing(variables.merging(["HOME": home]) { $1 })
        result["HOME"] = nil
        return result
    }

    @Test func defaultProfile() throws {
        let expected = [
            "AWS_ACCESS_KEY_ID": "DEFAULTKEY", "AWS_SECRET_ACCESS_KEY": "default/secret+=", "AWS_REGION": "eu-west-1",
        ]
        #expect(try completed([:]) == expected)
        #expect(try completed(["AWS_ACCESS_KEY_ID": ""]) == expected)
        #expect(try completed([:], config: nil)["AWS_REGION"] == nil)
        #expect(try completed(["AWS_DEFAULT_REGION": "r"])["AWS_REGION"] == nil)
    }

    @Test func namedProfile() throws {
        let found = try completed(["AWS_PROFILE": "lake"])
        #expect(
            found == [
                "AWS_PROFILE": "lake", "AWS_ACCESS_KEY_ID": "LAKEKEY", "AWS_SECRET_ACCESS_KEY": "lake;secret#1",
                "AWS_SESSION_TOKEN": "token", "AWS_REGION": "eu-north-1", "AWS_ENDPOINT_URL": "http://lake:9000",
                "AWS_ENDPOINT_URL_S3": "http://s3.lake:9000", "AWS_ENDPOINT_URL_GLUE": "http://glue.lake",
                "AWS_CA_BUNDLE": "/etc/lake.pem",
            ])
        #expect(try AWSEnvironment(found).s3Endpoint()?.description == "http://s3.lake:9000")
        #expect(try completed(["AWS_PROFILE": "lake", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"])["AWS_ENDPOINT_URL"] == nil)
    }

    /// The environment counts more, keys with their token as one.
    @Test func whatIsSetIsKept() throws {
        let keys = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"]
        #expect(try completed(keys) == keys)
        let found = try completed(keys.merging(["AWS_PROFILE": "lake", "AWS_ENDPOINT_URL": "http://x"]) { $1 })
        #expect(found["AWS_ACCESS_KEY_ID"] == "a")
        #expect(found["AWS_SESSION_TOKEN"] == nil)
        #expect(found["AWS_ENDPOINT_URL"] == "http://x")
        #expect(found["AWS_ENDPOINT_URL_S3"] == nil)
        #expect(found["AWS_REGION"] == "eu-north-1")
    }

    @Test(arguments: [
        ("nobody", "neither"), ("person", "sso_session"), ("empty", "no aws_access_key_id"),
    ])
    func refusals(_ profile: String, _ said: String) {
        do {
            _ = try completed(["AWS_PROFILE": profile])
            Issue.record("'\(profile)' was taken")
        } catch {
            #expect("\(error)".contains(said))
            #expect("\(error)".contains("'\(profile)'"))
        }
    }

    @Test func filesThatAreNone() throws {
        #expect(try completed([:], credentials: "nonsense").isEmpty, "Nobody asked for it.")
        for text in ["nonsense", "a = b", "[lake]\nx"] {
            #expect(throws: HTTPClientError.self) { try completed(["AWS_PROFILE": "lake"], credentials: text) }
        }
        #expect(try AWSSharedFiles.completing(["A": "b"]) == ["A": "b"])
    }
}
