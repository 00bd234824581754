/// What operations take, from AWS's service models (botocore 1.43.11). Written by `packaging/shapes.py`.
///
/// A line is a service (`#`), an operation (`>`) or one of the structures that its input has. Members follow by the names
/// that integrations have for them, `!` marks a required one; after the colon the kind of the value: `s` text, `n` number,
/// `b` boolean, `t` time, `[` a list and `{` a map of what comes next, else a structure's name. A line that begins with a
/// blank goes on.
let serviceShapes = """
    # states
    >CreateActivity Name!:s Tags:[Tag EncryptionConfiguration:EncryptionConfiguration
    >CreateStateMachine Name!:s Definition!:s RoleArn!:s Type:s LoggingConfiguration:LoggingConfiguration Tags:[Tag
     TracingConfiguration:TracingConfiguration Publish:b VersionDescription:s
     EncryptionConfiguration:EncryptionConfiguration
    >CreateStateMachineAlias Description:s Name!:s RoutingConfiguration!:[RoutingConfigurationListItem
    >DeleteActivity ActivityArn!:s
    >DeleteStateMachine StateMachineArn!:s
    >DeleteStateMachineAlias StateMachineAliasArn!:s
    >DeleteStateMachineVersion StateMachineVersionArn!:s
    >DescribeActivity ActivityArn!:s
    >DescribeExecution ExecutionArn!:s IncludedData:s
    >DescribeMapRun MapRunArn!:s
    >DescribeStateMachine StateMachineArn!:s IncludedData:s
    >DescribeStateMachineAlias StateMachineAliasArn!:s
    >DescribeStateMachineForExecution ExecutionArn!:s IncludedData:s
    >GetActivityTask ActivityArn!:s WorkerName:s
    >GetExecutionHistory ExecutionArn!:s MaxResults:n ReverseOrder:b NextToken:s IncludeExecutionData:b
    >ListActivities MaxResults:n NextToken:s
    >ListExecutions StateMachineArn:s StatusFilter:s MaxResults:n NextToken:s MapRunArn:s RedriveFilter:s
    >ListMapRuns ExecutionArn!:s MaxResults:n NextToken:s
    >ListStateMachineAliases StateMachineArn!:s NextToken:s MaxResults:n
    >ListStateMachineVersions StateMachineArn!:s NextToken:s MaxResults:n
    >ListStateMachines MaxResults:n NextToken:s
    >ListTagsForResource ResourceArn!:s
    >PublishStateMachineVersion StateMachineArn!:s RevisionId:s Description:s
    >RedriveExecution ExecutionArn!:s ClientToken:s
    >SendTaskFailure TaskToken!:s Error:s Cause:s
    >SendTaskHeartbeat TaskToken!:s
    >SendTaskSuccess TaskToken!:s Output!:s
    >StartExecution StateMachineArn!:s Name:s Input:s TraceHeader:s
    >StartSyncExecution StateMachineArn!:s Name:s Input:s TraceHeader:s IncludedData:s
    >StopExecution ExecutionArn!:s Error:s Cause:s
    >TagResource ResourceArn!:s Tags!:[Tag
    >TestState Definition!:s RoleArn:s Input:s InspectionLevel:s RevealSecrets:b Variables:s StateName:s
     Mock:MockInput Context:s StateConfiguration:TestStateConfiguration
    >UntagResource ResourceArn!:s TagKeys!:[s
    >UpdateMapRun MapRunArn!:s MaxConcurrency:n ToleratedFailurePercentage:n ToleratedFailureCount:n
    >UpdateStateMachine StateMachineArn!:s Definition:s RoleArn:s LoggingConfiguration:LoggingConfiguration
     TracingConfiguration:TracingConfiguration Publish:b VersionDescription:s
     EncryptionConfiguration:EncryptionConfiguration
    >UpdateStateMachineAlias StateMachineAliasArn!:s Description:s
     RoutingConfiguration:[RoutingConfigurationListItem
    >ValidateStateMachineDefinition Definition!:s Type:s Severity:s MaxResults:n
    CloudWatchLogsLogGroup LogGroupArn:s
    EncryptionConfiguration KmsKeyId:s KmsDataKeyReusePeriodSeconds:n Type!:s
    LogDestination CloudWatchLogsLogGroup:CloudWatchLogsLogGroup
    LoggingConfiguration Level:s IncludeExecutionData:b Destinations:[LogDestination
    MockErrorOutput Error:s Cause:s
    MockInput Result:s ErrorOutput:MockErrorOutput FieldValidationMode:s
    RoutingConfigurationListItem StateMachineVersionArn!:s Weight!:n
    Tag Key:s Value:s
    TestStateConfiguration RetrierRetryCount:n ErrorCausedByState:s MapIterationFailureCount:n MapItemReaderData:s
    TracingConfiguration Enabled:b
    # glue
    >BatchCreatePartition CatalogId:s DatabaseName!:s TableName!:s PartitionInputList!:[PartitionInput
    >BatchDeletePartition CatalogId:s DatabaseName!:s TableName!:s PartitionsToDelete!:[PartitionValueList
    >BatchDeleteTable CatalogId:s DatabaseName!:s TablesToDelete!:[s TransactionId:s
    >BatchDeleteTableVersion CatalogId:s DatabaseName!:s TableName!:s VersionIds!:[s
    >BatchGetJobs JobNames!:[s
    >BatchGetPartition CatalogId:s DatabaseName!:s TableName!:s PartitionsToGet!:[PartitionValueList
     AuditContext:AuditContext QuerySessionContext:QuerySessionContext
    >BatchStopJobRun JobName!:s JobRunIds!:[s
    >BatchUpdatePartition CatalogId:s DatabaseName!:s TableName!:s Entries!:[BatchUpdatePartitionRequestEntry
    >CreateDatabase CatalogId:s DatabaseInput!:DatabaseInput Tags:{s
    >CreateJob Name!:s JobMode:s JobRunQueuingEnabled:b Description:s LogUri:s Role!:s
     ExecutionProperty:ExecutionProperty Command!:JobCommand DefaultArguments:{s NonOverridableArguments:{s
     Connections:ConnectionsList MaxRetries:n AllocatedCapacity:n Timeout:n MaxCapacity:n SecurityConfiguration:s
     Tags:{s NotificationProperty:NotificationProperty GlueVersion:s NumberOfWorkers:n WorkerType:s ExecutionClass:s
     SourceControlDetails:SourceControlDetails MaintenanceWindow:s
    >CreatePartition CatalogId:s DatabaseName!:s TableName!:s PartitionInput!:PartitionInput
    >CreateTable CatalogId:s DatabaseName!:s Name:s TableInput:TableInput PartitionIndexes:[PartitionIndex
     TransactionId:s OpenTableFormatInput:OpenTableFormatInput
    >DeleteDatabase CatalogId:s Name!:s
    >DeleteJob JobName!:s
    >DeletePartition CatalogId:s DatabaseName!:s TableName!:s PartitionValues!:[s
    >DeleteTable CatalogId:s DatabaseName!:s Name!:s TransactionId:s
    >DeleteTableVersion CatalogId:s DatabaseName!:s TableName!:s VersionId!:s
    >GetDatabase CatalogId:s Name!:s
    >GetDatabases CatalogId:s NextToken:s MaxResults:n ResourceShareType:s AttributesToGet:[s
    >GetJob JobName!:s
    >GetJobRun JobName!:s RunId!:s PredecessorsIncluded:b
    >GetJobRuns JobName!:s NextToken:s MaxResults:n
    >GetJobs NextToken:s MaxResults:n
    >GetPartition CatalogId:s DatabaseName!:s TableName!:s PartitionValues!:[s AuditContext:AuditContext
    >GetPartitions CatalogId:s DatabaseName!:s TableName!:s Expression:s NextToken:s Segment:Segment MaxResults:n
     ExcludeColumnSchema:b TransactionId:s QueryAsOfTime:t AuditContext:AuditContext
    >GetTable CatalogId:s DatabaseName!:s Name!:s TransactionId:s QueryAsOfTime:t AuditContext:AuditContext
     IncludeStatusDetails:b
    >GetTableVersion CatalogId:s DatabaseName!:s TableName!:s VersionId:s AuditContext:AuditContext
    >GetTableVersions CatalogId:s DatabaseName!:s TableName!:s NextToken:s MaxResults:n AuditContext:AuditContext
    >GetTables CatalogId:s DatabaseName!:s Expression:s NextToken:s MaxResults:n TransactionId:s QueryAsOfTime:t
     AuditContext:AuditContext IncludeStatusDetails:b AttributesToGet:[s
    >GetTags ResourceArn!:s
    >ListJobs NextToken:s MaxResults:n Tags:{s
    >StartJobRun JobName!:s JobRunQueuingEnabled:b JobRunId:s Arguments:{s AllocatedCapacity:n Timeout:n
     MaxCapacity:n SecurityConfiguration:s NotificationProperty:NotificationProperty WorkerType:s NumberOfWorkers:n
     ExecutionClass:s ExecutionRoleSessionPolicy:s
    >TagResource ResourceArn!:s TagsToAdd!:{s
    >UntagResource ResourceArn!:s TagsToRemove!:[s
    >UpdateDatabase CatalogId:s Name!:s DatabaseInput!:DatabaseInput
    >UpdateJob JobName!:s JobUpdate!:JobUpdate
    >UpdatePartition CatalogId:s DatabaseName!:s TableName!:s PartitionValueList!:[s PartitionInput!:PartitionInput
    >UpdateTable CatalogId:s DatabaseName!:s Name:s TableInput:TableInput SkipArchive:b TransactionId:s VersionId:s
     ViewUpdateAction:s Force:b UpdateOpenTableFormatInput:UpdateOpenTableFormatInput
    AuditContext AdditionalAuditContext:s RequestedColumns:[s AllColumnsRequested:b
    BatchUpdatePartitionRequestEntry PartitionValueList!:[s PartitionInput!:PartitionInput
    Column Name!:s Type:s Comment:s Parameters:{s
    ConnectionsList Connections:[s
    CreateIcebergTableInput Location!:s Schema!:IcebergSchema PartitionSpec:IcebergPartitionSpec
     WriteOrder:IcebergSortOrder Properties:{s
    DataLakePrincipal DataLakePrincipalIdentifier:s
    DatabaseIdentifier CatalogId:s DatabaseName:s Region:s
    DatabaseInput Name!:s Description:s LocationUri:s Parameters:{s
     CreateTableDefaultPermissions:[PrincipalPermissions TargetDatabase:DatabaseIdentifier
     FederatedDatabase:FederatedDatabase
    ExecutionProperty MaxConcurrentRuns:n
    FederatedDatabase Identifier:s ConnectionName:s ConnectionType:s
    IcebergDocument
    IcebergEncryptedKey KeyId!:s EncryptedKeyMetadata!:s EncryptedById:s Properties:{s
    IcebergInput MetadataOperation!:s Version:s CreateIcebergTableInput:CreateIcebergTableInput
    IcebergPartitionField SourceId!:n Transform!:s Name!:s FieldId:n
    IcebergPartitionSpec Fields!:[IcebergPartitionField SpecId:n
    IcebergSchema SchemaId:n IdentifierFieldIds:[n Type:s Fields!:[IcebergStructField
    IcebergSortField SourceId!:n Transform!:s Direction!:s NullOrder!:s
    IcebergSortOrder OrderId!:n Fields!:[IcebergSortField
    IcebergStructField Id!:n Name!:s Type!:IcebergDocument Required!:b Doc:s InitialDefault:IcebergDocument
     WriteDefault:IcebergDocument
    IcebergTableUpdate Schema!:IcebergSchema PartitionSpec:IcebergPartitionSpec SortOrder:IcebergSortOrder
     Location!:s Properties:{s Action:s EncryptionKey:IcebergEncryptedKey KeyId:s
    JobCommand Name:s ScriptLocation:s PythonVersion:s Runtime:s
    JobUpdate JobMode:s JobRunQueuingEnabled:b Description:s LogUri:s Role:s ExecutionProperty:ExecutionProperty
     Command:JobCommand DefaultArguments:{s NonOverridableArguments:{s Connections:ConnectionsList MaxRetries:n
     AllocatedCapacity:n Timeout:n MaxCapacity:n WorkerType:s NumberOfWorkers:n SecurityConfiguration:s
     NotificationProperty:NotificationProperty GlueVersion:s ExecutionClass:s
     SourceControlDetails:SourceControlDetails MaintenanceWindow:s
    NotificationProperty NotifyDelayAfter:n
    OpenTableFormatInput IcebergInput:IcebergInput
    Order Column!:s SortOrder!:n
    PartitionIndex Keys!:[s IndexName!:s
    PartitionInput Values:[s LastAccessTime:t StorageDescriptor:StorageDescriptor Parameters:{s LastAnalyzedTime:t
    PartitionValueList Values!:[s
    PrincipalPermissions Principal:DataLakePrincipal Permissions:[s
    QuerySessionContext QueryId:s QueryStartTime:t ClusterId:s QueryAuthorizationId:s AdditionalContext:{s
    SchemaId SchemaArn:s SchemaName:s RegistryName:s
    SchemaReference SchemaId:SchemaId SchemaVersionId:s SchemaVersionNumber:n
    Segment SegmentNumber!:n TotalSegments!:n
    SerDeInfo Name:s SerializationLibrary:s Parameters:{s
    SkewedInfo SkewedColumnNames:[s SkewedColumnValues:[s SkewedColumnValueLocationMaps:{s
    SourceControlDetails Provider:s Repository:s Owner:s Branch:s Folder:s LastCommitId:s AuthStrategy:s AuthToken:s
    StorageDescriptor Columns:[Column Location:s AdditionalLocations:[s InputFormat:s OutputFormat:s Compressed:b
     NumberOfBuckets:n SerdeInfo:SerDeInfo BucketColumns:[s SortColumns:[Order Parameters:{s SkewedInfo:SkewedInfo
     StoredAsSubDirectories:b SchemaReference:SchemaReference
    TableIdentifier CatalogId:s DatabaseName:s Name:s Region:s
    TableInput Name!:s Description:s Owner:s LastAccessTime:t LastAnalyzedTime:t Retention:n
     StorageDescriptor:StorageDescriptor PartitionKeys:[Column ViewOriginalText:s ViewExpandedText:s TableType:s
     Parameters:{s TargetTable:TableIdentifier ViewDefinition:ViewDefinitionInput
    UpdateIcebergInput UpdateIcebergTableInput!:UpdateIcebergTableInput
    UpdateIcebergTableInput Updates!:[IcebergTableUpdate
    UpdateOpenTableFormatInput UpdateIcebergInput:UpdateIcebergInput
    ViewDefinitionInput IsProtected:b Definer:s Representations:[ViewRepresentationInput ViewVersionId:n
     ViewVersionToken:s RefreshSeconds:n LastRefreshType:s SubObjects:[s SubObjectVersionIds:[n
    ViewRepresentationInput Dialect:s DialectVersion:s ViewOriginalText:s ValidationConnection:s ViewExpandedText:s
    # batch
    >CancelJob JobId!:s Reason!:s
    >CreateComputeEnvironment ComputeEnvironmentName!:s Type!:s State:s UnmanagedvCpus:n
     ComputeResources:ComputeResource ServiceRole:s Tags:{s EksConfiguration:EksConfiguration Context:s
    >CreateJobQueue JobQueueName!:s State:s SchedulingPolicyArn:s Priority!:n
     ComputeEnvironmentOrder:[ComputeEnvironmentOrder ServiceEnvironmentOrder:[ServiceEnvironmentOrder
     JobQueueType:s Tags:{s JobStateTimeLimitActions:[JobStateTimeLimitAction
    >CreateSchedulingPolicy Name!:s QuotaSharePolicy:QuotaSharePolicy FairsharePolicy:FairsharePolicy Tags:{s
    >DeleteComputeEnvironment ComputeEnvironment!:s
    >DeleteJobQueue JobQueue!:s
    >DeleteSchedulingPolicy Arn!:s
    >DeregisterJobDefinition JobDefinition!:s
    >DescribeComputeEnvironments ComputeEnvironments:[s MaxResults:n NextToken:s
    >DescribeJobDefinitions JobDefinitions:[s MaxResults:n JobDefinitionName:s Status:s NextToken:s
    >DescribeJobQueues JobQueues:[s MaxResults:n NextToken:s
    >DescribeJobs Jobs!:[s
    >DescribeSchedulingPolicies Arns!:[s
    >ListJobs JobQueue:s ArrayJobId:s MultiNodeJobId:s JobStatus:s MaxResults:n NextToken:s Filters:[KeyValuesPair
    >ListSchedulingPolicies MaxResults:n NextToken:s
    >ListTagsForResource ResourceArn!:s
    >RegisterJobDefinition JobDefinitionName!:s Type!:s Parameters:{s SchedulingPriority:n
     ContainerProperties:ContainerProperties NodeProperties:NodeProperties RetryStrategy:RetryStrategy
     PropagateTags:b Timeout:JobTimeout Tags:{s PlatformCapabilities:[s EksProperties:EksProperties
     EcsProperties:EcsProperties ConsumableResourceProperties:ConsumableResourceProperties
    >SubmitJob JobName!:s JobQueue!:s ShareIdentifier:s SchedulingPriorityOverride:n ArrayProperties:ArrayProperties
     DependsOn:[JobDependency JobDefinition!:s Parameters:{s ContainerOverrides:ContainerOverrides
     NodeOverrides:NodeOverrides RetryStrategy:RetryStrategy PropagateTags:b Timeout:JobTimeout Tags:{s
     EksPropertiesOverride:EksPropertiesOverride EcsPropertiesOverride:EcsPropertiesOverride
     ConsumableResourcePropertiesOverride:ConsumableResourceProperties
    >TagResource ResourceArn!:s Tags!:{s
    >TerminateJob JobId!:s Reason!:s
    >UntagResource ResourceArn!:s TagKeys!:[s
    >UpdateComputeEnvironment ComputeEnvironment!:s State:s UnmanagedvCpus:n ComputeResources:ComputeResourceUpdate
     ServiceRole:s UpdatePolicy:UpdatePolicy Context:s
    >UpdateJobQueue JobQueue!:s State:s SchedulingPolicyArn:s Priority:n
     ComputeEnvironmentOrder:[ComputeEnvironmentOrder ServiceEnvironmentOrder:[ServiceEnvironmentOrder
     JobStateTimeLimitActions:[JobStateTimeLimitAction
    >UpdateSchedulingPolicy Arn!:s QuotaSharePolicy:QuotaSharePolicy FairsharePolicy:FairsharePolicy
    ArrayProperties Size:n
    ComputeEnvironmentOrder Order!:n ComputeEnvironment!:s
    ComputeResource Type!:s AllocationStrategy:s MinvCpus:n MaxvCpus!:n DesiredvCpus:n InstanceTypes:[s ImageId:s
     Subnets!:[s SecurityGroupIds:[s Ec2KeyPair:s InstanceRole:s Tags:{s PlacementGroup:s BidPercentage:n
     SpotIamFleetRole:s LaunchTemplate:LaunchTemplateSpecification Ec2Configuration:[Ec2Configuration
     ScalingPolicy:ComputeScalingPolicy
    ComputeResourceUpdate MinvCpus:n MaxvCpus:n DesiredvCpus:n Subnets:[s SecurityGroupIds:[s AllocationStrategy:s
     InstanceTypes:[s Ec2KeyPair:s InstanceRole:s Tags:{s PlacementGroup:s BidPercentage:n
     LaunchTemplate:LaunchTemplateSpecification Ec2Configuration:[Ec2Configuration UpdateToLatestImageVersion:b
     Type:s ImageId:s ScalingPolicy:ComputeScalingPolicy
    ComputeScalingPolicy MinScaleDownDelayMinutes:n
    ConsumableResourceProperties ConsumableResourceList:[ConsumableResourceRequirement
    ConsumableResourceRequirement ConsumableResource:s Quantity:n
    ContainerOverrides Vcpus:n Memory:n Command:[s InstanceType:s Environment:[KeyValuePair
     ResourceRequirements:[ResourceRequirement
    ContainerProperties Image:s Vcpus:n Memory:n Command:[s JobRoleArn:s ExecutionRoleArn:s Volumes:[Volume
     Environment:[KeyValuePair MountPoints:[MountPoint ReadonlyRootFilesystem:b Privileged:b Ulimits:[Ulimit User:s
     InstanceType:s ResourceRequirements:[ResourceRequirement LinuxParameters:LinuxParameters
     LogConfiguration:LogConfiguration Secrets:[Secret NetworkConfiguration:NetworkConfiguration
     FargatePlatformConfiguration:FargatePlatformConfiguration EnableExecuteCommand:b
     EphemeralStorage:EphemeralStorage RuntimePlatform:RuntimePlatform RepositoryCredentials:RepositoryCredentials
    Device HostPath!:s ContainerPath:s Permissions:[s
    EFSAuthorizationConfig AccessPointId:s Iam:s
    EFSVolumeConfiguration FileSystemId!:s RootDirectory:s TransitEncryption:s TransitEncryptionPort:n
     AuthorizationConfig:EFSAuthorizationConfig
    Ec2Configuration ImageType!:s ImageIdOverride:s BatchImageStatus:s ImageKubernetesVersion:s
    EcsProperties TaskProperties!:[EcsTaskProperties
    EcsPropertiesOverride TaskProperties:[TaskPropertiesOverride
    EcsTaskProperties Containers!:[TaskContainerProperties EphemeralStorage:EphemeralStorage ExecutionRoleArn:s
     PlatformVersion:s IpcMode:s TaskRoleArn:s PidMode:s NetworkConfiguration:NetworkConfiguration
     RuntimePlatform:RuntimePlatform Volumes:[Volume EnableExecuteCommand:b
    EksConfiguration EksClusterArn!:s KubernetesNamespace!:s
    EksContainer Name:s Image!:s ImagePullPolicy:s Command:[s Args:[s Env:[EksContainerEnvironmentVariable
     Resources:EksContainerResourceRequirements VolumeMounts:[EksContainerVolumeMount
     SecurityContext:EksContainerSecurityContext
    EksContainerEnvironmentVariable Name!:s Value:s
    EksContainerOverride Name:s Image:s Command:[s Args:[s Env:[EksContainerEnvironmentVariable
     Resources:EksContainerResourceRequirements
    EksContainerResourceRequirements Limits:{s Requests:{s
    EksContainerSecurityContext RunAsUser:n RunAsGroup:n Privileged:b AllowPrivilegeEscalation:b
     ReadOnlyRootFilesystem:b RunAsNonRoot:b
    EksContainerVolumeMount Name:s MountPath:s SubPath:s ReadOnly:b
    EksEmptyDir Medium:s SizeLimit:s
    EksHostPath Path:s
    EksMetadata Labels:{s Annotations:{s Namespace:s
    EksPersistentVolumeClaim ClaimName!:s ReadOnly:b
    EksPodProperties ServiceAccountName:s HostNetwork:b DnsPolicy:s ImagePullSecrets:[ImagePullSecret
     Containers:[EksContainer InitContainers:[EksContainer Volumes:[EksVolume Metadata:EksMetadata
     ShareProcessNamespace:b
    EksPodPropertiesOverride Containers:[EksContainerOverride InitContainers:[EksContainerOverride
     Metadata:EksMetadata
    EksProperties PodProperties:EksPodProperties
    EksPropertiesOverride PodProperties:EksPodPropertiesOverride
    EksSecret SecretName!:s Optional:b
    EksVolume Name!:s HostPath:EksHostPath EmptyDir:EksEmptyDir Secret:EksSecret
     PersistentVolumeClaim:EksPersistentVolumeClaim
    EphemeralStorage SizeInGiB!:n
    EvaluateOnExit OnStatusReason:s OnReason:s OnExitCode:s Action!:s
    FairsharePolicy ShareDecaySeconds:n ComputeReservation:n ShareDistribution:[ShareAttributes
    FargatePlatformConfiguration PlatformVersion:s
    FirelensConfiguration Type!:s Options:{s
    Host SourcePath:s
    ImagePullSecret Name!:s
    JobDependency JobId:s Type:s
    JobStateTimeLimitAction Reason!:s State!:s MaxTimeSeconds!:n Action!:s
    JobTimeout AttemptDurationSeconds:n
    KeyValuePair Name:s Value:s
    KeyValuesPair Name:s Values:[s
    LaunchTemplateSpecification LaunchTemplateId:s LaunchTemplateName:s Version:s
     Overrides:[LaunchTemplateSpecificationOverride UserdataType:s
    LaunchTemplateSpecificationOverride LaunchTemplateId:s LaunchTemplateName:s Version:s TargetInstanceTypes:[s
     UserdataType:s
    LinuxParameters Devices:[Device InitProcessEnabled:b SharedMemorySize:n Tmpfs:[Tmpfs MaxSwap:n Swappiness:n
    LogConfiguration LogDriver!:s Options:{s SecretOptions:[Secret
    MountPoint ContainerPath:s ReadOnly:b SourceVolume:s
    NetworkConfiguration AssignPublicIp:s
    NodeOverrides NumNodes:n NodePropertyOverrides:[NodePropertyOverride
    NodeProperties NumNodes!:n MainNode!:n NodeRangeProperties!:[NodeRangeProperty
    NodePropertyOverride TargetNodes!:s ContainerOverrides:ContainerOverrides
     EcsPropertiesOverride:EcsPropertiesOverride InstanceTypes:[s EksPropertiesOverride:EksPropertiesOverride
     ConsumableResourcePropertiesOverride:ConsumableResourceProperties
    NodeRangeProperty TargetNodes!:s Container:ContainerProperties InstanceTypes:[s EcsProperties:EcsProperties
     EksProperties:EksProperties ConsumableResourceProperties:ConsumableResourceProperties
    QuotaSharePolicy IdleResourceAssignmentStrategy!:s
    RepositoryCredentials CredentialsParameter!:s
    ResourceRequirement Value!:s Type!:s
    RetryStrategy Attempts:n EvaluateOnExit:[EvaluateOnExit
    RuntimePlatform OperatingSystemFamily:s CpuArchitecture:s
    S3FilesVolumeConfiguration FileSystemArn!:s RootDirectory:s TransitEncryptionPort:n AccessPointArn:s
    Secret Name!:s ValueFrom!:s
    ServiceEnvironmentOrder Order!:n ServiceEnvironment!:s
    ShareAttributes ShareIdentifier!:s WeightFactor:n
    TaskContainerDependency ContainerName:s Condition:s
    TaskContainerOverrides Command:[s Environment:[KeyValuePair Name:s ResourceRequirements:[ResourceRequirement
    TaskContainerProperties Command:[s DependsOn:[TaskContainerDependency Environment:[KeyValuePair Essential:b
     FirelensConfiguration:FirelensConfiguration Image!:s LinuxParameters:LinuxParameters
     LogConfiguration:LogConfiguration MountPoints:[MountPoint Name:s Privileged:b ReadonlyRootFilesystem:b
     RepositoryCredentials:RepositoryCredentials ResourceRequirements:[ResourceRequirement Secrets:[Secret
     Ulimits:[Ulimit User:s StartTimeout:n StopTimeout:n
    TaskPropertiesOverride Containers:[TaskContainerOverrides
    Tmpfs ContainerPath!:s Size!:n MountOptions:[s
    Ulimit HardLimit!:n Name!:s SoftLimit!:n
    UpdatePolicy TerminateJobsOnUpdate:b JobExecutionTimeoutMinutes:n
    Volume Host:Host Name:s EfsVolumeConfiguration:EFSVolumeConfiguration
     S3filesVolumeConfiguration:S3FilesVolumeConfiguration
    # logs
    >CreateLogGroup LogGroupName!:s KmsKeyId:s Tags:{s LogGroupClass:s DeletionProtectionEnabled:b
    >DeleteLogGroup LogGroupName!:s
    >DeleteRetentionPolicy LogGroupName!:s
    >DescribeLogGroups AccountIdentifiers:[s LogGroupNamePrefix:s LogGroupNamePattern:s NextToken:s Limit:n
     IncludeLinkedAccounts:b LogGroupClass:s LogGroupIdentifiers:[s
    >DescribeLogStreams LogGroupName:s LogGroupIdentifier:s LogStreamNamePrefix:s OrderBy:s Descending:b NextToken:s
     Limit:n
    >FilterLogEvents LogGroupName:s LogGroupIdentifier:s LogStreamNames:[s LogStreamNamePrefix:s StartTime:n
     EndTime:n FilterPattern:s NextToken:s Limit:n Interleaved:b Unmask:b
    >GetLogEvents LogGroupName:s LogGroupIdentifier:s LogStreamName!:s StartTime:n EndTime:n NextToken:s Limit:n
     StartFromHead:b Unmask:b
    >ListTagsForResource ResourceArn!:s
    >ListTagsLogGroup LogGroupName!:s
    >PutRetentionPolicy LogGroupName!:s RetentionInDays!:n
    >TagLogGroup LogGroupName!:s Tags!:{s
    >TagResource ResourceArn!:s Tags!:{s
    >UntagLogGroup LogGroupName!:s Tags!:[s
    >UntagResource ResourceArn!:s TagKeys!:[s
    # sts
    >GetCallerIdentity
    # dynamodb
    >DeleteItem TableName!:s Key!:{AttributeValue Expected:{ExpectedAttributeValue ConditionalOperator:s
     ReturnValues:s ReturnConsumedCapacity:s ReturnItemCollectionMetrics:s ConditionExpression:s
     ExpressionAttributeNames:{s ExpressionAttributeValues:{AttributeValue ReturnValuesOnConditionCheckFailure:s
    >GetItem TableName!:s Key!:{AttributeValue AttributesToGet:[s ConsistentRead:b ReturnConsumedCapacity:s
     ProjectionExpression:s ExpressionAttributeNames:{s
    >PutItem TableName!:s Item!:{AttributeValue Expected:{ExpectedAttributeValue ReturnValues:s
     ReturnConsumedCapacity:s ReturnItemCollectionMetrics:s ConditionalOperator:s ConditionExpression:s
     ExpressionAttributeNames:{s ExpressionAttributeValues:{AttributeValue ReturnValuesOnConditionCheckFailure:s
    >UpdateItem TableName!:s Key!:{AttributeValue AttributeUpdates:{AttributeValueUpdate
     Expected:{ExpectedAttributeValue ConditionalOperator:s ReturnValues:s ReturnConsumedCapacity:s
     ReturnItemCollectionMetrics:s UpdateExpression:s ConditionExpression:s ExpressionAttributeNames:{s
     ExpressionAttributeValues:{AttributeValue ReturnValuesOnConditionCheckFailure:s
    AttributeValue S:s N:s B:s SS:[s NS:[s BS:[s M:{AttributeValue L:[AttributeValue NULL:b BOOL:b
    AttributeValueUpdate Value:AttributeValue Action:s
    ExpectedAttributeValue Value:AttributeValue Exists:b ComparisonOperator:s AttributeValueList:[AttributeValue
    # events
    >PutEvents Entries!:[PutEventsRequestEntry EndpointId:s
    PutEventsRequestEntry Time:t Source:s Resources:[s DetailType:s Detail:s EventBusName:s TraceHeader:s
    # lambda
    >Invoke FunctionName!:s InvocationType:s LogType:s ClientContext:s DurableExecutionName:s Payload:s Qualifier:s
     TenantId:s
    # sns
    >Publish TopicArn:s TargetArn:s PhoneNumber:s Message!:s Subject:s MessageStructure:s
     MessageAttributes:{MessageAttributeValue MessageDeduplicationId:s MessageGroupId:s
    MessageAttributeValue DataType!:s StringValue:s BinaryValue:s
    # sqs
    >SendMessage QueueUrl!:s MessageBody!:s DelaySeconds:n MessageAttributes:{MessageAttributeValue
     MessageSystemAttributes:{MessageSystemAttributeValue MessageDeduplicationId:s MessageGroupId:s
    MessageAttributeValue StringValue:s BinaryValue:s StringListValues:[s BinaryListValues:[s DataType!:s
    MessageSystemAttributeValue StringValue:s BinaryValue:s StringListValues:[s BinaryListValues:[s DataType!:s
    """
