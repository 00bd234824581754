/// What one service is called by different tools.
package enum ServiceNames {
    /// From the names that resources of integrations have, which are those of the SDK for Java, to the folders of the
    /// service models, where these differ by more than hyphens.
    package static let folders = [
        "applicationdiscovery": "discovery", "applicationdiscoveryservice": "discovery", "cloudwatchlogs": "logs",
        "cognitoidentityprovider": "cognito-idp", "configservice": "config", "costandusagereport": "cur",
        "costandusagereportservice": "cur", "costexplorer": "ce", "databasemigration": "dms",
        "databasemigrationservice": "dms", "directory": "ds", "directoryservice": "ds", "directoryservicedata": "ds-data",
        "elasticloadbalancing": "elb", "elasticloadbalancingv2": "elbv2", "elasticmapreduce": "emr",
        "elasticsearch": "es", "elasticsearchservice": "es", "eventbridge": "events", "iotdataplane": "iot-data",
        "iotjobsdataplane": "iot-jobs-data", "lexmodelbuilding": "lex-models", "lexmodelbuildingservice": "lex-models",
        "lexmodelsv2": "lexv2-models", "lexruntime": "lex-runtime", "lexruntimeservice": "lex-runtime",
        "lexruntimev2": "lexv2-runtime", "marketplaceentitlement": "marketplace-entitlement",
        "marketplaceentitlementservice": "marketplace-entitlement", "marketplacemetering": "meteringmarketplace",
        "migrationhub": "mgh", "pinpointsmsvoice": "sms-voice", "serverlessapplicationrepository": "serverlessrepo",
        "sfn": "stepfunctions", "simpledb": "sdb", "states": "stepfunctions",
    ]

    /// One spelling for all names of a service: its folder's, without hyphens. `EventBridge`, `eventbridge`, `EVENTBRIDGE`
    /// and `events` give `events`; `cloudwatch_logs` and `logs` give `logs`.
    package static func key(_ name: String) -> String {
        let plain = String(name.lowercased().filter { $0.isLetter || $0.isNumber })
        return folders[plain]?.filter { $0 != "-" } ?? plain
    }
}
