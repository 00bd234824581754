import AWSProtocol
import JSONModel
import Support
import Testing

@Suite struct EncodingTests {
    @Test func checksumsOfTheCheckText() {
        let text = Array("123456789".utf8)
        #expect(hexText(ChecksumAlgorithm.crc32.checksum(of: text)) == "cbf43926")
        #expect(hexText(ChecksumAlgorithm.crc32c.checksum(of: text)) == "e3069283")
        #expect(hexText(ChecksumAlgorithm.crc64nvme.checksum(of: text)) == "ae8b14860a799888")
        #expect(hexText(ChecksumAlgorithm.sha1.checksum(of: text)) == "f7c3bc1d808e04732adf679965ccc34ca7ae3441")
        #expect(ChecksumAlgorithm(fieldName: "x-amz-checksum-crc64nvme") == .crc64nvme)
    }

    @Test(arguments: ChecksumAlgorithm.allCases) func checksumsInPieces(_ algorithm: ChecksumAlgorithm) {
        // Up to 127 bytes are taken one by one or eight at a time, up to 511 in blocks of 64, more in blocks of 256.
        let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
        for cut in [0, 1, 7, 8, 9, 127, 128, 500, 511, 512, 575, 767, 768, 2000, 2873, 3000] {
            var state = ChecksumState(algorithm)
            bytes[..<cut].withUnsafeBytes { state.update($0) }
            bytes[cut...].withUnsafeBytes { state.update($0) }
            #expect(state.finish() == algorithm.checksum(of: bytes))
        }
        // However it is cut, the sum is that of bytes taken one at a time.
        var state = ChecksumState(algorithm)
        for byte in bytes { withUnsafeBytes(of: byte) { state.update($0) } }
        #expect(state.finish() == algorithm.checksum(of: bytes))
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.0/9", "10.128.0.0", false),
        ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3", "10.1.2.2", false), ("0.0.0.0/0", "1.2.3.4", true),
        ("0.0.0.0/0", "::1", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("::/0", "fe80::1%eth0", true),
        ("2001:db8::/33", "2001:db8:7fff::", true), ("2001:db8::/33", "2001:db8:8000::", false),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", true), ("::1", "0:0:0:0:0:0:0:1", true),
    ])
    func addressRanges(_ range: String, _ address: String, _ isIn: Bool) throws {
        #expect(try #require(AddressRange(range)).contains(address) == isIn)
    }

    @Test(arguments: [
        "", "10", "10.0.0", "10.0.0.256", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "+1.0.0.0", ":", ":::", "1:2:3:4:5:6:7",
        "1::2::3", "::/129", "12345::", "1:2:3:4:5:6:7::8", "::g", "1.2.3.4:1::",
    ])
    func whatIsNoAddressRange(_ text: String) { #expect(AddressRange(text) == nil) }

    @Test func base64() {
        for (text, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            #expect(Base64.encode(Array(text.utf8)) == encoded)
            #expect(Base64.decode(encoded) == Array(text.utf8))
        }
        for bad in ["Z", "Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Zh==", "Z g=", "Zm9v\n"] {
            #expect(Base64.decode(bad) == nil, "\(bad)")
        }
    }

    @Test func percentEncoding() {
        #expect(PercentEncoding.encode("a/ü ~+") == "a%2F%C3%BC%20~%2B")
        #expect(PercentEncoding.encode("a/b c", keepingSlashes: true) == "a/b%20c")
        #expect(PercentEncoding.decodeText("a%2f%C3%BC+%20") == "a/ü+ ")
        #expect(PercentEncoding.decodeText("a+b", plusIsSpace: true) == "a b")
        for bad in ["%", "%4", "%zz", "%FF"] { #expect(PercentEncoding.decodeText(bad) == nil) }
        let query = RawQuery("uploads&a=b=c&&x%20y=&a=2")
        #expect(query.items.map(\.name) == ["uploads", "a", "x%20y", "a"])
        #expect(query["a"] == "b=c")
    }

    @Test func xmlRoundTrip() throws {
        var writer = XMLWriter()
        writer.element("ListBucketResult", namespace: "http://s3.amazonaws.com/doc/2006-03-01/") { xml in
            xml.element("Key", "a&b<c>\"d\r\n\u{1}é")
            xml.element("Size", Int64.max)
            xml.element("IsTruncated", false)
            xml.element("Absent", ifPresent: nil)
            xml.element("Empty", "")
        }
        let root = try XMLReader.read(writer.bytes)
        #expect(root.name == "ListBucketResult")
        #expect(root.text(of: "Key") == "a&b<c>\"d\r\n\u{FFFD}é")
        #expect(root.text(of: "Size") == "9223372036854775807")
        #expect(root.text(of: "Empty") == "")
        #expect(root["Absent"] == nil)
    }

    @Test func xmlForms() throws {
        let text = "\u{FEFF}<?xml version='1.0'?><!-- c --> <x:Delete a='1' b=\"&lt;\"><Object><Key>a&#x26;<![CDATA[<b>]]>"
            + "</Key></Object><Object/><Quiet>true</Quiet ></x:Delete>\n<!-- end -->"
        let root = try XMLReader.read(Array(text.utf8))
        #expect(root.name == "Delete")
        #expect(root.all("Object").count == 2)
        #expect(root.all("Object")[0].text(of: "Key") == "a&<b>")
        #expect(root.text(of: "Quiet") == "true")
    }

    @Test(arguments: [
        "", "x", "<a>", "<a></b>", "<a><b></a></b>", "<a/><b/>", "<a/>x", "<a x=1/>", "<a x/>", "<!DOCTYPE a []><a/>",
        "<a>&nbsp;</a>", "<a>&#xD800;</a>", "<a>&</a>", "<a", "<", "<a><![CDATA[x</a>", "<>x</>", "<a><!--</a>",
        "<a b='<'/>", "&amp;<a/>",
    ])
    func xmlRefused(_ text: String) {
        #expect(throws: XMLSyntaxError.self) { try XMLReader.read(Array(text.utf8)) }
    }

    @Test func xmlLimits() {
        let deep = String(repeating: "<a>", count: 100_000)
        #expect(throws: XMLSyntaxError.self) { try XMLReader.read(Array(deep.utf8)) }
        let wide = "<a>" + String(repeating: "<b/>", count: 300_000) + "</a>"
        #expect(throws: XMLSyntaxError.self) { try XMLReader.read(Array(wide.utf8)) }
    }

    @Test func errorEnvelopesReadBack() throws {
        let error = AWSError("EntityNotFoundException", "Table <x> & \"y\" not found.", httpStatus: 400)
        let json = error.jsonEnvelope(contentType: "application/x-amz-json-1.1", requestID: "r1")
        #expect(
            String(decoding: json.body, as: UTF8.self)
                == #"{"__type":"EntityNotFoundException","message":"Table <x> & \"y\" not found."}"#)
        #expect(json.fields["x-amzn-errortype"] == "EntityNotFoundException")
        #expect(AWSError(status: 400, fields: json.fields, body: json.body) == error)
        let s3 = AWSError("NoSuchKey", "The specified key does not exist.", httpStatus: 404, members: ["Key": "a<b"])
            .s3Envelope(resource: "/b/a<b", requestID: "r2")
        let read = AWSError(status: 404, fields: s3.fields, body: s3.body)
        #expect(read.code == "NoSuchKey")
        #expect(read.members["Key"]?.string == "a<b")
        let query = error.queryEnvelope(namespace: "https://sts.amazonaws.com/doc/2011-06-15/", requestID: "r3")
        #expect(AWSError(status: 400, fields: [:], body: query.body).message == error.message)
        let named = AWSError(
            status: 400, fields: [:],
            body: Array(#"{"__type":"com.amazonaws.states#ExecutionDoesNotExist","message":"m","x":1}"#.utf8))
        #expect(named.code == "ExecutionDoesNotExist")
        #expect(named.members["x"]?.int64 == 1)
        #expect(AWSError(status: 502, fields: [:], body: Array("<html>".utf8)).code == "UnknownError")
    }
}
