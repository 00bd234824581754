/// An Amazon Resource Name, `arn:partition:service:region:account:resource`.
package struct ARN: Sendable, Hashable, CustomStringConvertible {
    package var partition: String, service: String, region: String, account: String
    /// All that follows the fifth colon, colons included.
    package var resource: String

    package init(service: String, region: String, account: String, resource: String) {
        self.partition = Self.partition(ofRegion: region)
        self.service = service
        self.region = region
        self.account = account
        self.resource = resource
    }

    /// Nil unless the text has six colon-separated parts and begins with `arn`.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "arn" else { return nil }
        partition = String(parts[1])
        service = String(parts[2])
        region = String(parts[3])
        account = String(parts[4])
        resource = String(parts[5])
    }

    package var description: String { "arn:\(partition):\(service):\(region):\(account):\(resource)" }

    /// The partition that AWS assigns to a region's name.
    package static func partition(ofRegion region: String) -> String {
        let prefixes = [
            ("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("us-iso-", "aws-iso"), ("us-isob-", "aws-iso-b"),
            ("eu-isoe-", "aws-iso-e"), ("us-isof-", "aws-iso-f"), ("eusc-", "aws-eusc"),
        ]
        return prefixes.first { region.hasPrefix($0.0) }?.1 ?? "aws"
    }
}
