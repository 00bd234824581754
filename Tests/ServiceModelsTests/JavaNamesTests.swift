import ServiceModels
import Testing

@Suite struct JavaNamesTests {
    /// As the SDK's own splitting of words, in its code generator, gives them.
    @Test(arguments: [
        ("DynamoDB", "DynamoDb"), ("SQS", "Sqs"), ("S3", "S3"), ("EC2", "Ec2"), ("CloudWatch Logs", "CloudWatchLogs"),
        ("SESv2", "SesV2"), ("MD5OfMessageBody", "Md5OfMessageBody"), ("DBInstanceIdentifier", "DbInstanceIdentifier"),
        ("SSEKMSKeyId", "SsekmsKeyId"), ("ETag", "ETag"), ("ElasticLoadBalancing v2", "ElasticLoadBalancingV2"),
        ("IPv6Address", "IpV6Address"), ("Ipv6CidrBlock", "Ipv6CidrBlock"), ("EC2InstanceId", "Ec2InstanceId"),
        ("VPCId", "VpcId"), ("LexModelsV2", "LexModelsV2"), ("S3BucketKeyEnabled", "S3BucketKeyEnabled"),
        ("ChecksumCRC32C", "ChecksumCrc32C"), ("BOOL", "Bool"), ("apiGatewayV2Id", "ApiGatewayV2Id"), ("ABTest", "AbTest"),
        ("Route53Domains", "Route53Domains"), ("UTCOffset", "UtcOffset"), ("ARNs", "ArNs"), ("WAFV2", "Wafv2"),
        ("APIId", "ApiId"), ("queueUrl", "QueueUrl"), ("", ""), ("x-amz", "XAmz"),
    ])
    func pascal(_ name: String, _ expected: String) { #expect(JavaNames.pascal(name) == expected) }

    /// As its getters are called.
    @Test(arguments: [
        ("ChecksumCRC32", "ChecksumCRC32"), ("ChecksumCRC64NVME", "ChecksumCRC64NVME"), ("BOOL", "Bool"), ("ARN", "Arn"),
        ("MD5OfMessageBody", "Md5OfMessageBody"), ("DBInstanceIdentifier", "DbInstanceIdentifier"), ("ETag", "ETag"),
        ("SSEKMSKeyId", "SsekmsKeyId"), ("queueUrl", "QueueUrl"), ("S", "S"), ("", ""),
    ])
    func member(_ name: String, _ expected: String) { #expect(JavaNames.member(name) == expected) }

    @Test(arguments: [
        ("QueueDoesNotExist", "QueueDoesNotExistException", "QueueDoesNotExistException"),
        ("KMSInvalidStateException", "KmsInvalidStateException", "KMSInvalidStateException"),
        ("DBInstanceNotFoundFault", "DbInstanceNotFoundException", "DBInstanceNotFoundException"),
        ("NoSuchKey", "NoSuchKeyException", "NoSuchKeyException"),
    ])
    func exceptions(_ shape: String, _ new: String, _ old: String) {
        #expect(JavaNames.exception(shape) == new)
        #expect(JavaNames.oldException(shape) == old)
    }

    @Test(arguments: [
        ("EventBridge", "events"), ("EVENTBRIDGE", "events"), ("events", "events"), ("CLOUDWATCH_LOGS", "logs"),
        ("cloudwatchlogs", "logs"), ("logs", "logs"), ("SECRETS_MANAGER", "secretsmanager"), ("SFN", "stepfunctions"),
        ("dynamodb", "dynamodb"), ("application-autoscaling", "applicationautoscaling"),
        ("APPLICATION_AUTO_SCALING", "applicationautoscaling"),
    ])
    func oneKeyForAllNames(_ name: String, _ key: String) { #expect(ServiceNames.key(name) == key) }
}
