/// The actions of S3 that policies can name, by what they act on. Each list has the names by their form in lower case, in
/// which they are compared.
///
/// - Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
enum S3ActionNames {
    /// On `arn:aws:s3:::bucket/key`.
    static let ofObjects = names(
        """
        AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectTagging
        DeleteObjectVersion DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes
        GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectTorrent GetObjectVersion
        GetObjectVersionAcl GetObjectVersionAttributes GetObjectVersionForReplication
        GetObjectVersionTagging GetObjectVersionTorrent InitiateReplication ListMultipartUploadParts
        ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl PutObjectLegalHold PutObjectRetention
        PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging ReplicateDelete ReplicateObject
        ReplicateTags RestoreObject UpdateObjectEncryption
        """)

    /// On `arn:aws:s3:::bucket`.
    static let ofBuckets = names(
        """
        CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket
        DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite
        GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS
        GetBucketLocation GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification
        GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy
        GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging
        GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration
        GetIntelligentTieringConfiguration GetInventoryConfiguration GetLifecycleConfiguration
        GetMetricsConfiguration GetReplicationConfiguration ListBucket ListBucketMultipartUploads
        ListBucketVersions ListTagsForResource PutAccelerateConfiguration PutAnalyticsConfiguration
        PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification
        PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy
        PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging PutBucketVersioning
        PutBucketWebsite PutEncryptionConfiguration PutIntelligentTieringConfiguration
        PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration
        PutReplicationConfiguration TagResource UntagResource
        UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration
        """)

    /// On accounts, and on what no bucket holds.
    static let ofAccounts = names(
        """
        AssociateAccessGrantsIdentityCenter CreateAccessGrant CreateAccessGrantsInstance
        CreateAccessGrantsLocation CreateAccessPoint CreateAccessPointForObjectLambda CreateJob
        CreateMultiRegionAccessPoint CreateStorageLensGroup DeleteAccessGrant DeleteAccessGrantsInstance
        DeleteAccessGrantsInstanceResourcePolicy DeleteAccessGrantsLocation DeleteAccessPoint
        DeleteAccessPointForObjectLambda DeleteAccessPointPolicy DeleteAccessPointPolicyForObjectLambda
        DeleteAccessPointScope DeleteJobTagging DeleteMultiRegionAccessPoint
        DeleteStorageLensConfiguration DeleteStorageLensConfigurationTagging DeleteStorageLensGroup
        DescribeJob DescribeMultiRegionAccessPointOperation DissociateAccessGrantsIdentityCenter
        GetAccessGrant GetAccessGrantsInstance GetAccessGrantsInstanceForPrefix
        GetAccessGrantsInstanceResourcePolicy GetAccessGrantsLocation GetAccessPoint
        GetAccessPointConfigurationForObjectLambda GetAccessPointForObjectLambda GetAccessPointPolicy
        GetAccessPointPolicyForObjectLambda GetAccessPointPolicyStatus
        GetAccessPointPolicyStatusForObjectLambda GetAccessPointScope GetAccountPublicAccessBlock
        GetDataAccess GetJobTagging GetMultiRegionAccessPoint GetMultiRegionAccessPointPolicy
        GetMultiRegionAccessPointPolicyStatus GetMultiRegionAccessPointRoutes
        GetStorageLensConfiguration GetStorageLensConfigurationTagging GetStorageLensDashboard
        GetStorageLensGroup ListAccessGrants ListAccessGrantsInstances ListAccessGrantsLocations
        ListAccessPoints ListAccessPointsForObjectLambda ListAllMyBuckets ListCallerAccessGrants
        ListJobs ListMultiRegionAccessPoints ListStorageLensConfigurations ListStorageLensGroups
        PauseReplication PutAccessGrantsInstanceResourcePolicy
        PutAccessPointConfigurationForObjectLambda PutAccessPointPolicy
        PutAccessPointPolicyForObjectLambda PutAccessPointPublicAccessBlock PutAccessPointScope
        PutAccountPublicAccessBlock PutJobTagging PutMultiRegionAccessPointPolicy
        PutStorageLensConfiguration PutStorageLensConfigurationTagging
        SubmitMultiRegionAccessPointRoutes UpdateAccessGrantsLocation UpdateJobPriority UpdateJobStatus
        UpdateStorageLensGroup
        """)

    static let all = ofObjects.merging(ofBuckets) { one, _ in one }.merging(ofAccounts) { one, _ in one }

    /// Whether `pattern`, which may have wildcards, stands for any of `names`.
    static func has(_ pattern: String, in names: [String: String]) -> Bool {
        let pattern = pattern.lowercased()
        if !pattern.contains("*"), !pattern.contains("?") { return names[pattern] != nil }
        return names.keys.contains { matchesWildcards($0, pattern: pattern) }
    }

    private static func names(_ text: String) -> [String: String] {
        let names = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map { "s3:\($0)" }
        return Dictionary(names.map { ($0.lowercased(), $0) }) { one, _ in one }
    }
}
