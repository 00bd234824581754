extension TaskResource {
    /// Actions of the optimised integrations, for the services whose list is known in full.
    /// - Source: Step Functions, "Integrating services", optimised integrations.
    static let optimizedActions = own.merging(elsewhere) { $0.union($1) }.merging(special) { $0.union($1) }

    /// Those with a form of their own, which a server of ours performs.
    private static let own: [String: Set<String>] = [
        "batch": ["submitJob"], "dynamodb": ["getItem", "putItem", "deleteItem", "updateItem"], "events": ["putEvents"],
        "glue": ["startJobRun"], "lambda": ["invoke"], "sns": ["publish"], "sqs": ["sendMessage"],
        "states": ["startExecution"],
    ]

    /// Those that are one operation of the service with its own parameters: with an endpoint for it the call is made.
    private static let elsewhere: [String: Set<String>] = [
        "athena": ["startQueryExecution", "stopQueryExecution", "getQueryExecution", "getQueryResults"],
        "codebuild": [
            "startBuild", "stopBuild", "batchDeleteBuilds", "batchGetReports", "startBuildBatch", "stopBuildBatch",
            "retryBuildBatch", "deleteBuildBatch",
        ],
        "databrew": ["startJobRun"], "ecs": ["runTask"],
        "eks": [
            "createCluster", "deleteCluster", "createFargateProfile", "deleteFargateProfile", "createNodegroup",
            "deleteNodegroup",
        ],
        "emr-containers": ["createVirtualCluster", "deleteVirtualCluster", "startJobRun"],
        "emr-serverless": [
            "createApplication", "deleteApplication", "startApplication", "stopApplication", "startJobRun", "cancelJobRun",
        ],
        "mediaconvert": ["createJob"],
        "sagemaker": [
            "createEndpoint", "createEndpointConfig", "createHyperParameterTuningJob", "createLabelingJob", "createModel",
            "createProcessingJob", "createTrainingJob", "createTransformJob", "updateEndpoint",
        ],
    ]

    /// Those that are more than an operation: nobody here performs them.
    private static let special: [String: Set<String>] = [
        "apigateway": ["invoke"], "bedrock": ["invokeModel", "createModelCustomizationJob"],
        "eks": ["call", "runJob"],
        "elasticmapreduce": [
            "createCluster", "terminateCluster", "setClusterTerminationProtection", "addStep", "cancelStep",
            "modifyInstanceFleetByName", "modifyInstanceGroupByName",
        ],
        "http": ["invoke"],
    ]

    /// Whether the call is one operation of a service elsewhere, by the same name and with the same parameters.
    package var isPlainCall: Bool {
        kind == .optimized && (pattern == .requestResponse || pattern == .waitForTaskToken)
            && Self.elsewhere[service]?.contains(action) == true
    }

    /// Why no server of ours performs the call, and what to do instead; nil for one that it may perform.
    package var obstacle: String? {
        guard kind == .optimized, Self.own[service] == nil, !isPlainCall else { return nil }
        let instead =
            switch service {
            case "http":
                "An HTTP task takes its credentials from an EventBridge connection, and there are none here. Make the request "
                    + "in a job, or in a Lambda function that is a program of this machine."
            case "apigateway": "Make the request in a job, or in a Lambda function that is a program of this machine."
            case _ where Self.elsewhere[service]?.contains(action) == true:
                "The server does not wait for work that is done elsewhere. Call it without \(pattern.suffix), and ask for its "
                    + "state by an aws-sdk task in a loop with a Wait state."
            default: "Where the service has an endpoint, its operations can be called as arn:aws:states:::aws-sdk:<service>:<operation>."
            }
        return "\(arn) is not supported by this server. \(instead)"
    }
}
