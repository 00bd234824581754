import AWSProtocol
import JSONModel
import Support
import Testing

@Suite struct EncodingTests {
    @Test func checksumsOfTheCheckText() {
        let text = Array("123456789".utf8)
        #expect(hexText(ChecksumAlgorithm.crc32.checksum(of: text)) == "cbf43926")
        #expect(hexText(ChecksumAlgorithm.crc32c.checksum(of: text)) == "e3069283")
        let halves = text.withUnsafeBytes { crc32c(.init(rebasing: $0[4...]), after: crc32c(.init(rebasing: $0[..<4]))) }
        #expect(halves == 0xe306_9283)
        #expect(hexText(ChecksumAlgorithm.crc64nvme.checksum(of: text)) == "ae8b14860a799888")
        #expect(hexText(ChecksumAlgorithm.sha1.checksum(of: text)) == "f7c3bc1d808e04732adf679965ccc34ca7ae3441")
        #expect(hexText(ChecksumAlgorithm.md5.checksum(of: text)) == "25f9e794323b453885f5181f1b624d0b")
        #expect(
            hexText(ChecksumAlgorithm.sha512.checksum(of: text)) == "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
                + "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85")
        #expect(ChecksumAlgorithm(fieldName: "x-amz-checksum-crc64nvme") == .crc64nvme)
    }

    /// What Python's `xxhash` 4.1.0 gives for lengths on both sides of every change of method.
    @Test(arguments: [
        (0, "ef46db3751d8e999", "2d06800538d394c2", "99aa06d3014798d86001c324468d497f"),
        (1, "e934a84adb052768", "c44bdff4074eecdb", "a6cd5e9392000f6ac44bdff4074eecdb"),
        (3, "e5d2be4ae4b3469a", "3698b80191e625f9", "4af3603b5bd30dfe3698b80191e625f9"),
        (4, "3b4d7f7c6bd1ae90", "2e4ac2f1c52157fc", "11527735d62fce43eecdfa5a3b083ba8"),
        (8, "506834122cb7b4d0", "60e1baa91347a1f2", "791e22cdc30880ba073a25812fe4f600"),
        (9, "ba2f457c2914d838", "9c88fc32c37b56cb", "22775b5e55c2ace94557529981ebbef0"),
        (16, "e20ac46c35c498da", "f9fbd0260ba978df", "8d0b1cd2088b9620843f49fff931d541"),
        (17, "d9a4e9e8ef334438", "c56f339d36cc73d7", "340f6f9202ad1131a378e80882221151"),
        (128, "729016672b503798", "31ccf8dec850d035", "9ac3a2d505dc8bbaffb5b9abed8b314d"),
        (129, "75911b69fc5da9a0", "c72af4c6ac4dea94", "4f3f783d604d0184c83022477e6bf25a"),
        (240, "6ae6605b86b43763", "e315d53d5129eede", "550b8ce07c44bc98c018ce69a32b5a7c"),
        (241, "93f9ecda8aa61e97", "18773c512b008a63", "8e7e1f2fe4156df918773c512b008a63"),
        (1024, "cc7a07e1f604e352", "c43c9aee9430cb7c", "fc38edce51c5be0ec43c9aee9430cb7c"),
        (1025, "16c2870dece9b51d", "e45dfc1c0c32dc3e", "30ce69bff7ac8385e45dfc1c0c32dc3e"),
        (3000, "a11c1abf71eb4f44", "7c7615520f9c6e20", "596164188f9721db7c7615520f9c6e20"),
    ])
    func xxHashes(_ count: Int, _ xxh64: String, _ xxh3: String, _ xxh128: String) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
        #expect(hexText(ChecksumAlgorithm.xxhash64.checksum(of: bytes)) == xxh64)
        #expect(hexText(ChecksumAlgorithm.xxhash3.checksum(of: bytes)) == xxh3)
        #expect(hexText(ChecksumAlgorithm.xxhash128.checksum(of: bytes)) == xxh128)
    }

    /// Going on with a copy leaves the sum as it was.
    @Test(arguments: ChecksumAlgorithm.allCases) func checksumsAreValues(_ algorithm: ChecksumAlgorithm) {
        var state = ChecksumState(algorithm)
        Array("abc".utf8).withUnsafeBytes { state.update($0) }
        var copy = state
        Array("def".utf8).withUnsafeBytes { copy.update($0) }
        #expect(state.finish() == algorithm.checksum(of: Array("abc".utf8)))
        #expect(copy.finish() == algorithm.checksum(of: Array("abcdef".utf8)))
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
