import AWSProtocol
import JSONModel
import S3Service
import ServiceKit
import Support
import Testing

@Suite struct S3AccessTests {
    private func user(_ name: String, _ policy: JSONValue) throws -> Permissions {
        .policies(user: name, [try AccessPolicy(policy, .identity)])
    }

    private func setPolicy(_ s3: S3Harness, _ statements: JSONValue) async throws -> S3Harness.Answer {
        let policy: JSONValue = ["Version": "2012-10-17", "Statement": statements]
        return try await s3.send("PUT", "/bkt", query: "policy", body: policy.bytes)
    }

    @Test func anybodySeesWhatTheBucketsPolicyGrants() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            _ = try await s3.send("PUT", "/bkt/open/k", body: [1])
            _ = try await s3.send("PUT", "/bkt/closed/k", body: [2])
            for path in ["/", "/bkt", "/bkt/open/k", "/bkt/none"] {
                let answer = try await s3.send("GET", path, as: .anonymous)
                #expect((answer.status, answer.code) == (403, "AccessDenied"))
            }
            #expect(try await s3.send("GET", "/no-such-bucket/k", as: .anonymous).code == "NoSuchBucket")
            #expect(try await s3.send("PUT", "/new-bucket", as: .anonymous).code == "AccessDenied")
            #expect(try await setPolicy(s3, [
                ["Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bkt/open/*"],
                [
                    "Effect": "Allow", "Principal": ["AWS": "*"], "Action": ["s3:List*"], "Resource": "arn:aws:s3:::bkt",
                    "Condition": ["StringLike": ["s3:prefix": "open/*"]],
                ],
            ]).status == 204)
            #expect(try await s3.send("GET", "/bkt/open/k", as: .anonymous).body == [1])
            #expect(try await s3.send("GET", "/bkt/closed/k", as: .anonymous).code == "AccessDenied")
            let asPage = try await s3.send("GET", "/bkt/open/k", query: "response-content-type=text/html", as: .anonymous)
            #expect(asPage.code == "InvalidRequest")
            #expect(try await s3.send("PUT", "/bkt/open/k", body: [3], as: .anonymous).code == "AccessDenied")
            #expect(try await s3.send("GET", "/bkt", query: "list-type=2&prefix=open/", as: .anonymous).all("Key") == ["open/k"])
            #expect(try await s3.send("GET", "/bkt", query: "list-type=2", as: .anonymous).code == "AccessDenied")
            #expect(try await s3.send("GET", "/bkt", query: "policyStatus").xml["IsPublic"]?.text == "true")
            let block = "<PublicAccessBlockConfiguration><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
            #expect(try await s3.send("PUT", "/bkt", query: "publicAccessBlock", body: Array(block.utf8)).status == 200)
            #expect(try await s3.send("GET", "/bkt/open/k", as: .anonymous).code == "AccessDenied")
            #expect(try await s3.send("DELETE", "/bkt", query: "policy").status == 204)
            #expect(try await s3.send("GET", "/bkt", query: "policy").code == "NoSuchBucketPolicy")
        }
    }

    @Test func keysDoWhatTheirPoliciesAllow() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let etl = try user("etl", ["Statement": [
                [
                    "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                    "Resource": "arn:aws:s3:::bkt/raw/*",
                ],
                ["Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"],
            ]])
            #expect(try await s3.send("PUT", "/bkt/raw/k", body: [1], as: etl).status == 200)
            #expect(try await s3.send("GET", "/bkt/raw/k", as: etl).body == [1])
            let denied = try await s3.send("PUT", "/bkt/gold/k", body: [1], as: etl)
            #expect(denied.status == 403)
            #expect(denied.text.contains("user/etl is not authorized to perform: s3:PutObject"))
            #expect(try await s3.send("DELETE", "/bkt/raw/k", as: etl).text.contains("explicit deny"))
            #expect(try await s3.send("GET", "/", as: etl).code == "AccessDenied")
            // What is copied must be readable, too.
            _ = try await s3.send("PUT", "/bkt/gold/k", body: [2])
            #expect(try await s3.send("PUT", "/bkt/raw/c", ["x-amz-copy-source": "/bkt/gold/k"], as: etl).code == "AccessDenied")
            // Each of many is asked about.
            let delete = Array("<Delete><Object><Key>raw/k</Key></Object></Delete>".utf8)
            let answer = try await s3.send(
                "POST", "/bkt", query: "delete", ["content-md5": contentMD5(delete)], body: delete, as: etl)
            #expect(answer.all("Code") == ["AccessDenied"])
            // The bucket may allow more, and deny even the root key, which can still repair it.
            #expect(try await setPolicy(s3, [
                [
                    "Effect": "Allow", "Principal": ["AWS": "arn:aws:iam::123456789012:user/etl"], "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::bkt/gold/*",
                ],
                ["Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::bkt", "arn:aws:s3:::bkt/raw/*"]],
            ]).status == 204)
            #expect(try await s3.send("GET", "/bkt/gold/k", as: etl).body == [2])
            #expect(try await s3.send("GET", "/bkt/gold/k", as: try user("other", ["Statement": [
                ["Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"],
            ]])).code == "AccessDenied")
            #expect(try await s3.send("GET", "/bkt/raw/k", as: etl).code == "AccessDenied")
            #expect(try await s3.send("GET", "/bkt/raw/k").code == "AccessDenied")
            #expect(try await s3.send("DELETE", "/bkt", query: "policy").status == 204)
            #expect(try await s3.send("GET", "/bkt/raw/k").body == [1])
        }
    }

    @Test func whatIsNotThereIsForThoseWhoMayList() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let reader = try user("reader", ["Statement": [
                ["Effect": "Allow", "Action": ["s3:GetObject*", "s3:PutObject"], "Resource": "arn:aws:s3:::bkt/*"],
            ]])
            let lister = try user("lister", ["Statement": [
                ["Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"],
            ]])
            for query in [nil, "tagging", "acl"] {
                #expect(try await s3.send("GET", "/bkt/none", query: query, as: reader).code == "AccessDenied")
            }
            let copy: HTTPFields = ["x-amz-copy-source": "bkt/none"]
            #expect(try await s3.send("PUT", "/bkt/k", copy, as: reader).code == "AccessDenied")
            #expect(try await s3.send("HEAD", "/bkt/none", as: reader).status == 403)
            #expect(try await s3.send("GET", "/bkt/none", as: lister).code == "NoSuchKey")
        }
    }

    @Test func tagsAndListsNeedActionsOfTheirOwn() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let statement: JSONValue = [
                "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::bkt/*",
            ]
            let writer = try user("writer", ["Statement": [statement]])
            let tagger = try user("tagger", ["Statement": [
                statement, ["Effect": "Allow", "Action": ["s3:PutObjectTagging", "s3:GetObjectTagging"], "Resource": "*"],
            ]])
            let tags: HTTPFields = ["x-amz-tagging": "level=public"]
            #expect(try await s3.send("PUT", "/bkt/k", tags, as: writer).text.contains("s3:PutObjectTagging"))
            #expect(try await s3.send("POST", "/bkt/k", query: "uploads", tags, as: writer).status == 403)
            #expect(try await s3.send("PUT", "/bkt/k", tags, as: tagger).status == 200)
            let copy: HTTPFields = ["x-amz-copy-source": "bkt/k"]
            #expect(try await s3.send("PUT", "/bkt/c", copy, as: writer).text.contains("s3:GetObjectTagging"))
            #expect(try await s3.send("PUT", "/bkt/c", copy, as: tagger).status == 200)
            let replacing: HTTPFields = ["x-amz-copy-source": "bkt/k", "x-amz-tagging-directive": "REPLACE"]
            #expect(try await s3.send("PUT", "/bkt/d", replacing, as: writer).status == 200)
            #expect(try await s3.send("PUT", "/bkt/k", ["x-amz-acl": "private"], as: writer).text.contains("s3:PutObjectAcl"))
        }
    }

    @Test func addressesDecide() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            _ = try await s3.send("PUT", "/bkt/k", body: [1])
            func allow(_ condition: JSONValue) async throws -> String {
                #expect(try await setPolicy(s3, [
                    [
                        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bkt/*",
                        "Condition": condition,
                    ],
                ]).status == 204)
                return try await s3.send("GET", "/bkt", query: "policyStatus").xml["IsPublic"]?.text ?? ""
            }
            #expect(try await allow(["IpAddress": ["aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"]]]) == "false")
            #expect(try await s3.send("GET", "/bkt/k", as: .anonymous, from: "10.1.2.3").status == 200)
            #expect(try await s3.send("GET", "/bkt/k", as: .anonymous, from: "2001:db8:1::2").status == 200)
            #expect(try await s3.send("GET", "/bkt/k", as: .anonymous, from: "11.1.2.3").status == 403)
            #expect(try await s3.send("GET", "/bkt/k", as: .anonymous).status == 403)
            #expect(try await allow(["NotIpAddress": ["aws:SourceIp": "10.0.0.0/8"]]) == "true")
            #expect(try await s3.send("GET", "/bkt/k", as: .anonymous, from: "10.1.2.3").status == 403)
            // What callers say of themselves leaves a policy public.
            #expect(try await allow(["StringLike": ["aws:Referer": "https://ours.example/*"]]) == "true")
            #expect(try await allow(["StringLike": ["aws:PrincipalArn": "*"]]) == "true")
        }
    }

    @Test func tagsOfObjectsDecide() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            _ = try await s3.send("PUT", "/bkt/a", ["x-amz-tagging": "level=public"], body: [1])
            _ = try await s3.send("PUT", "/bkt/b", ["x-amz-tagging": "level=secret"], body: [1])
            #expect(try await setPolicy(s3, [
                [
                    "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bkt/*",
                    "Condition": ["StringEquals": ["s3:ExistingObjectTag/level": "public"]],
                ],
            ]).status == 204)
            #expect(try await s3.send("GET", "/bkt/a", as: .anonymous).status == 200)
            #expect(try await s3.send("GET", "/bkt/b", as: .anonymous).status == 403)
        }
    }

    @Test(arguments: [
        #"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*"}]}"#,
        #"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ec2:Run","Resource":"arn:aws:s3:::bkt/*"}]}"#,
        #"{"Statement":[{"Effect":"Maybe","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bkt/*"}]}"#,
        #"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::bkt/*"}]}"#,
        #"{"Statement":[{"Effect":"Allow","NotPrincipal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bkt/*"}]}"#,
        #"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bkt/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}}]}"#,
        #"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bkt/${aws:username}"}]}"#,
        #"{"Statement":[]}"#, "no",
    ])
    func whatCannotBeEvaluatedIsRefused(policy: String) async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            #expect(try await s3.send("PUT", "/bkt", query: "policy", body: Array(policy.utf8)).code == "MalformedPolicy")
        }
    }

    /// Names that mean nothing make statements that never apply.
    @Test(arguments: [
        ("s3:GetObjekt", "bkt/*", "*", "Policy has invalid action s3:GetObjekt in statement 'a': did you mean s3:GetObject?"),
        ("s3:PutBucketCROS", "bkt", "*", "Policy has invalid action s3:PutBucketCROS in statement 'a': did you mean s3:PutBucketCORS?"),
        ("GetObject", "bkt/*", "*", "Policy has invalid action GetObject"),
        ("s3:Fetch*", "bkt/*", "*", "Policy has invalid action s3:Fetch* in statement 'a'"),
        ("s3:GetObject", "bkt", "*", "Action does not apply to any resource(s) in statement"),
        ("s3:ListBucket", "bkt/*", "*", "Action does not apply to any resource(s) in statement"),
        ("s3:ListAllMyBuckets", "bkt", "*", "Action does not apply to any resource(s) in statement"),
        ("s3:GetObject", "bkt/*", "1234", "Invalid principal in policy"),
        ("s3:GetObject", "bkt/*", "arn:aws:iam::123456789012:usr/etl", "Invalid principal in policy"),
        ("s3:GetObject", "bkt/*", "arn:aws:iam::123456789012:user/*", "Invalid principal in policy"),
    ])
    func namesThatMeanNothingAreRefused(_ action: String, _ resource: String, _ principal: String, _ message: String) async throws {
        let policy = #"""
            {"Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":"\#(principal)"},"Action":"\#(action)","Resource":"arn:aws:s3:::\#(resource)"}]}
            """#
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let answer = try await s3.send("PUT", "/bkt", query: "policy", body: Array(policy.utf8))
            #expect((answer.status, answer.code) == (400, "MalformedPolicy"))
            #expect(answer.xml["Message"]?.text.hasPrefix(message) == true, "\(answer.text)")
            #expect(try await s3.send("GET", "/bkt", query: "policy").code == "NoSuchBucketPolicy")
        }
    }

    /// What a policy must name for a request to be allowed is a name that policies may have.
    @Test func everyRequestAsksForAnActionThatExists() async throws {
        let requests: [(path: String, methods: [String], resources: [String])] = [
            ("/bkt", ["GET", "PUT", "DELETE"], [
                "", "acl", "accelerate", "analytics", "cors", "encryption", "intelligent-tiering", "inventory", "lifecycle", "logging",
                "metrics", "notification", "object-lock", "ownershipControls", "policy", "publicAccessBlock", "replication",
                "requestPayment", "tagging", "versioning", "website",
            ]),
            ("/bkt", ["GET"], ["location", "policyStatus", "uploads", "versions"]),
            ("/bkt/k", ["GET", "PUT", "DELETE"], ["", "acl", "tagging", "uploadId=x", "versionId=null", "acl&versionId=null"]),
            ("/bkt/k", ["GET"], ["attributes", "attributes&versionId=null"]),
        ]
        try await withBucket { (s3: S3Harness) async throws -> Void in
            for (path, methods, resources) in requests {
                for method in methods {
                    for resource in resources {
                        let answer = try await s3.send(method, path, query: resource, as: .policies(user: "u", []))
                        #expect(answer.code == "AccessDenied", "\(method) \(path)?\(resource)")
                        let words = answer.xml["Message"]?.text.split(separator: " ").map(String.init) ?? []
                        let action = try #require(words.first { $0.hasPrefix("s3:") })
                        let policy = try AccessPolicy(
                            ["Statement": ["Effect": "Allow", "Action": .string(action), "Resource": "*"]], .identity)
                        #expect(throws: Never.self) { try policy.checkNames(.identity) }
                    }
                }
            }
        }
    }

    /// Whoever could store such a policy before keeps a bucket that answers.
    @Test func aStoredPolicyIsReadAsItIs() throws {
        let text = #"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObjekt","Resource":"arn:aws:s3:::bkt/*"}]}"#
        let policy = try AccessPolicy(parsing: Array(text.utf8), .bucket("bkt"))
        let question = AccessPolicy.Question(
            principal: nil, account: "123456789012", action: "s3:GetObject", resource: "arn:aws:s3:::bkt/k")
        #expect(policy.decision(question) == .unmentioned)
    }

    @Test func accessControlListsCountWhereOwnershipLetsThem() async throws {
        try await withBucket(ownership: "ObjectWriter") { (s3: S3Harness) async throws -> Void in
            _ = try await s3.send("PUT", "/bkt/k", ["x-amz-acl": "public-read"], body: [1])
            _ = try await s3.send("PUT", "/bkt/private", body: [2])
            #expect(try await s3.send("GET", "/bkt/k", as: .anonymous).body == [1])
            #expect(try await s3.send("GET", "/bkt/private", as: .anonymous).status == 403)
            #expect(try await s3.send("GET", "/bkt/k", query: "acl").all("Permission") == ["FULL_CONTROL", "READ"])
            #expect(try await s3.send("PUT", "/bkt", query: "acl", ["x-amz-acl": "public-read-write"]).status == 200)
            #expect(try await s3.send("GET", "/bkt", query: "list-type=2", as: .anonymous).all("Key") == ["k", "private"])
            #expect(try await s3.send("GET", "/bkt/none", as: .anonymous).code == "NoSuchKey")
            #expect(try await s3.send("PUT", "/bkt/new", body: [3], as: .anonymous).status == 200)
            let grant = """
                <AccessControlPolicy><AccessControlList><Grant><Grantee><EmailAddress>a@b</EmailAddress></Grantee>
                <Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>
                """
            #expect(try await s3.send("PUT", "/bkt", query: "acl", body: Array(grant.utf8)).code == "NotImplemented")
            let controls = "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>"
            #expect(try await s3.send("PUT", "/bkt", query: "ownershipControls", body: Array(controls.utf8)).status == 200)
            #expect(try await s3.send("GET", "/bkt/k", as: .anonymous).status == 403)
            let refused = try await s3.send("PUT", "/bkt/k", query: "acl", ["x-amz-acl": "public-read"])
            #expect(refused.code == "AccessControlListNotSupported")
        }
    }

    @Test func pagesFromElsewhere() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let rules = """
                <CORSConfiguration><CORSRule><AllowedOrigin>https://*.example.com</AllowedOrigin>
                <AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod><AllowedHeader>x-amz-*</AllowedHeader>
                <ExposeHeader>etag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule></CORSConfiguration>
                """
            #expect(try await s3.send("GET", "/bkt", query: "cors").code == "NoSuchCORSConfiguration")
            #expect(try await s3.send("PUT", "/bkt", query: "cors", body: Array(rules.utf8)).status == 200)
            #expect(try await s3.send("GET", "/bkt", query: "cors").all("AllowedMethod") == ["PUT", "GET"])
            // A page must see why it is refused.
            for (origin, allowed) in [("https://a.example.com", "https://a.example.com"), ("https://a.example.org", nil)] {
                let context = CallContext(
                    account: "123456789012", region: "us-east-1", requestID: "r", receivedAt: SystemWallClock().now())
                let call = HTTPCall(
                    method: "PUT", rawPath: "/bkt/k", rawQuery: nil, fields: ["host": "localhost", "origin": origin],
                    body: RequestBody { nil }, payload: .absent, context: context)
                let refused = s3.service.refuse(call, because: AWSError("AccessDenied", "Request has expired", httpStatus: 403))
                #expect(refused.status == 403)
                #expect(refused.fields["access-control-allow-origin"] == allowed)
            }
            func ask(_ fields: HTTPFields) async throws -> S3Harness.Answer {
                try await s3.send("OPTIONS", "/bkt/k", fields, as: .anonymous)
            }
            let allowed = try await ask([
                "origin": "https://a.example.com", "access-control-request-method": "PUT",
                "access-control-request-headers": "X-Amz-Meta-A, x-amz-acl",
            ])
            #expect(allowed.status == 200)
            #expect(allowed.fields["access-control-allow-origin"] == "https://a.example.com")
            #expect(allowed.fields["access-control-allow-methods"] == "PUT, GET")
            #expect(allowed.fields["access-control-allow-headers"] == "x-amz-meta-a, x-amz-acl")
            #expect(allowed.fields["access-control-max-age"] == "600")
            for fields: HTTPFields in [
                ["origin": "https://a.example.org", "access-control-request-method": "PUT"],
                ["origin": "https://a.example.com", "access-control-request-method": "DELETE"],
                [
                    "origin": "https://a.example.com", "access-control-request-method": "PUT",
                    "access-control-request-headers": "content-type",
                ],
            ] {
                let refused = try await ask(fields)
                #expect((refused.status, refused.code) == (403, "AccessForbidden"))
            }
            #expect(try await ask([:]).status == 400)
            let got = try await s3.send("GET", "/bkt/k", ["origin": "https://a.example.com"])
            #expect((got.status, got.fields["access-control-expose-headers"]) == (404, "etag"))
            #expect(try await s3.send("GET", "/bkt/k").fields["access-control-allow-origin"] == nil)
        }
    }

    @Test func formsUploadWithASignedPolicy() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            let policy = #"{"expiration":"2100-01-01T00:00:00Z","conditions":[{"bucket":"bkt"},["starts-with","$key","up/"],"#
                + #"["content-length-range",1,20],{"x-amz-algorithm":"AWS4-HMAC-SHA256"},["starts-with","$x-amz-credential",""],"#
                + #"["starts-with","$x-amz-date",""],["eq","$success_action_status","201"]]}"#
            func post(_ key: String, _ file: String, secret: String = "secret", extra: String = "") async throws -> S3Harness.Answer {
                let credential = "AKIDTEST/20300101/us-east-1/s3/aws4_request"
                let scope = try #require(SigV4.CredentialScope(credential: credential))
                let encoded = Base64.encode(Array(policy.utf8))
                let fields = [
                    ("key", key), ("policy", encoded), ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
                    ("x-amz-credential", credential), ("x-amz-date", "20300101T000000Z"), ("success_action_status", "201"),
                    ("x-amz-signature", SigV4.SigningKey(secret: secret, scope: scope).signature(of: encoded)),
                ]
                let text = fields.map { "--B\r\nContent-Disposition: form-data; name=\"\($0)\"\r\n\r\n\($1)\r\n" }.joined()
                    + extra + "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n"
                    + "Content-Type: text/plain\r\n\r\n\(file)\r\n--B--\r\n"
                return try await s3.send(
                    "POST", "/bkt", ["content-type": "multipart/form-data; boundary=B"], body: Array(text.utf8), pieces: 7,
                    as: .anonymous)
            }
            let stored = try await post("up/${filename}", "two\r\nlines\r\n--")
            #expect((stored.status, stored.xml["Key"]?.text) == (201, "up/a.txt"))
            let got = try await s3.send("GET", "/bkt/up/a.txt")
            #expect((got.text, got.fields["content-type"]) == ("two\r\nlines\r\n--", "text/plain"))
            #expect(try await post("elsewhere", "x").code == "AccessDenied")
            #expect(try await post("up/k", "x", secret: "other").code == "SignatureDoesNotMatch")
            #expect(try await post("up/k", String(repeating: "x", count: 21)).code == "EntityTooLarge")
            #expect(try await post("up/k", "").code == "EntityTooSmall")
            let unasked = "--B\r\nContent-Disposition: form-data; name=\"acl\"\r\n\r\npublic-read\r\n"
            #expect(try await post("up/k", "x", extra: unasked).code == "AccessDenied")
            #expect(try await s3.send("GET", "/bkt/up/k").status == 404)
        }
    }

    @Test func bucketTagsAndControlsAreKept() async throws {
        try await withBucket { (s3: S3Harness) async throws -> Void in
            #expect(try await s3.send("GET", "/bkt", query: "tagging").code == "NoSuchTagSet")
            let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
            #expect(try await s3.send("PUT", "/bkt", query: "tagging", body: Array(tags.utf8)).status == 204)
            let second = try await S3Harness(directory: s3.directory)
            #expect(try await second.send("GET", "/bkt", query: "tagging").all("Value") == ["1"])
            #expect(try await second.send("DELETE", "/bkt", query: "tagging").status == 204)
            #expect(try await second.send("GET", "/bkt", query: "ownershipControls").all("ObjectOwnership") == ["BucketOwnerEnforced"])
            for resource in ["lifecycle", "replication", "website", "encryption", "logging", "notification"] {
                #expect(try await s3.send("PUT", "/bkt", query: resource, body: [1]).code == "NotImplemented", "\(resource)")
            }
        }
    }
}
