#!/usr/bin/env python3
"""Writes wire-by-botocore.json: requests as botocore writes them and answers as it reads them, each with the part of the
service's model that it needs. Run with a Python that has botocore."""
import base64, datetime, json, pathlib

import botocore.parsers, botocore.serialize, botocore.session
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict

session = botocore.session.get_session()


def subset(model, operation):
    """The operation and the shapes that it reaches, without documentation."""
    document = model._service_description
    declaration = document["operations"][operation]
    shapes, open_ = {}, [declaration[k]["shape"] for k in ("input", "output") if k in declaration]
    open_ += [e["shape"] for e in declaration.get("errors", [])]

    def strip(value):
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if k not in ("documentation", "pattern", "endpointRuleSet")}
        return [strip(v) for v in value] if isinstance(value, list) else value

    while open_:
        name = open_.pop()
        if name in shapes:
            continue
        shapes[name] = shape = strip(document["shapes"][name])
        for member in list(shape.get("members", {}).values()) + [shape.get(k) for k in ("member", "key", "value")]:
            if member:
                open_.append(member["shape"])
    keep = ("apiVersion", "awsQueryCompatible", "endpointPrefix", "jsonVersion", "protocol", "serviceId", "signingName", "targetPrefix",
            "xmlNamespace")
    metadata = {k: v for k, v in document["metadata"].items() if k in keep}
    return {"metadata": metadata, "operations": {operation: strip(declaration)}, "shapes": shapes}


def plain(value):
    """As JSON: times in ISO 8601, bytes as the text that they are."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, datetime.datetime):
        value = value.astimezone(datetime.timezone.utc)
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    if hasattr(value, "read"):
        value = value.read()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def capitalized(value, shape):
    """Members begin with a capital, keys of maps stay."""
    if shape.type_name == "structure":
        return {k[:1].upper() + k[1:]: capitalized(v, shape.members[k]) for k, v in value.items() if k in shape.members}
    if shape.type_name == "list":
        return [capitalized(v, shape.member) for v in value]
    return {k: capitalized(v, shape.value) for k, v in value.items()} if shape.type_name == "map" else value


class Body:
    def __init__(self, data):
        self.data = data

    def read(self):
        return self.data


def case(service, operation, parameters, protocol=None, answer=None, steps=None):
    model = session.get_service_model(service)
    protocol = protocol or model.metadata["protocol"]
    found = subset(model, operation)
    found["metadata"]["protocol"] = protocol
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    request = serializer.serialize_to_request(parameters, model.operation_model(operation))
    prepare_request_dict(request, endpoint_url="http://localhost")
    prepared = create_request_object(request).prepare()
    body = prepared.body or b""
    if hasattr(body, "read"):
        body = body.read()
    path = prepared.url.removeprefix("http://localhost")
    fields = {k.lower(): (v.decode() if isinstance(v, bytes) else v) for k, v in prepared.headers.items()}
    result = {
        "service": service, "operation": operation, "parameters": steps or plain(parameters), "model": found,
        "request": {
            "method": prepared.method, "target": path,
            "fields": {k: v for k, v in fields.items() if k not in ("content-length", "user-agent")},
            "body": body.decode() if isinstance(body, bytes) else body}}
    if answer:
        status, headers, text = answer
        parser = botocore.parsers.create_parser(protocol)
        shape = model.operation_model(operation).output_shape
        raw = text.encode()
        payload = shape.serialization.get("payload") if shape else None
        is_stream = payload and shape.members[payload].type_name == "blob" and model.operation_model(operation).has_streaming_output
        parsed = parser.parse({"status_code": status, "headers": HeadersDict(headers), "body": Body(raw) if is_stream else raw}, shape)
        result["answer"] = {"status": status, "fields": headers, "body": text, "result": capitalized(plain(parsed), shape) if shape else {}}
    return result


time = datetime.datetime(2026, 11, 21, 11, 32, 41, tzinfo=datetime.timezone.utc)
cases = [
    case("sqs", "SendMessage", {
        "QueueUrl": "http://localhost/1/q", "MessageBody": "a & b", "DelaySeconds": 3,
        "MessageAttributes": {"k": {"DataType": "Binary", "BinaryValue": b"\x01x"}}}, "json",
        (200, {"x-amzn-requestid": "r"}, '{"MD5OfMessageBody":"m","MessageId":"i","SequenceNumber":null}')),
    case("sqs", "SendMessageBatch", {
        "QueueUrl": "u", "Entries": [{"Id": "1", "MessageBody": "é"}, {"Id": "2", "MessageBody": "x", "MessageAttributes": {
            "k": {"DataType": "String", "StringValue": "v"}}}]}, "query"),
    case("sns", "Publish", {
        "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": "a=b&c d~é", "MessageAttributes": {
            "one": {"DataType": "String", "StringValue": "v"}, "two": {"DataType": "Binary", "BinaryValue": b"bytes"}}}, None,
        (200, {}, '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>x</MessageId>'
         "</PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>")),
    case("sns", "ListTopics", {}, None,
        (200, {}, "<ListTopicsResponse><ListTopicsResult><Topics><member><TopicArn>a</TopicArn></member><member><TopicArn>b"
         "</TopicArn></member></Topics></ListTopicsResult></ListTopicsResponse>")),
    case("sns", "GetTopicAttributes", {"TopicArn": "a"}, None,
        (200, {}, "<R><GetTopicAttributesResult><Attributes><entry><key>Owner</key><value>1</value></entry><entry><key>k</key>"
         "<value/></entry></Attributes></GetTopicAttributesResult></R>")),
    case("cloudwatch", "PutMetricData", {
        "Namespace": "n", "MetricData": [{"MetricName": "m", "Timestamp": time, "Value": 1.5, "Dimensions": [
            {"Name": "d", "Value": "v"}]}]}, "query"),
    case("sts", "GetCallerIdentity", {}, None,
        (200, {}, "<R><GetCallerIdentityResult><Arn>a</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult></R>")),
    case("ec2", "CreateTags", {"DryRun": True, "Resources": ["i-1", "i-2"], "Tags": [{"Key": "k", "Value": "v w"}]}, None),
    case("ec2", "DescribeRegions", {"RegionNames": ["x"], "Filters": [{"Name": "n", "Values": ["1", "2"]}]}, None,
        (200, {}, "<DescribeRegionsResponse><requestId>r</requestId><regionInfo><item><regionName>eu</regionName>"
         "<regionEndpoint>e</regionEndpoint></item><item><regionName>us</regionName></item></regionInfo>"
         "</DescribeRegionsResponse>")),
    case("dynamodb", "PutItem", {
        "TableName": "t", "Item": {"id": {"S": "1"}, "n": {"N": "1.50"}, "b": {"B": b"raw"}, "l": {"L": [{"BOOL": True},
            {"NULL": True}]}, "m": {"M": {"x": {"SS": ["a", "b"]}}}}, "ConditionExpression": "attribute_not_exists(id)"}, None,
        (200, {}, "{}")),
    case("dynamodb", "GetItem", {"TableName": "t", "Key": {"id": {"S": "1"}}}, None,
        (200, {}, '{"Item":{"b":{"B":"cmF3"},"id":{"S":"1"},"f":{"BOOL":false}}}')),
    case("events", "PutEvents", {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}", "Time": time,
        "Resources": ["r"]}]}, None, (200, {}, '{"Entries":[{"EventId":"e"}],"FailedEntryCount":0}')),
    case("kms", "Encrypt", {"KeyId": "k", "Plaintext": b"secret", "EncryptionContext": {"a": "b"}}, None,
        (200, {}, '{"CiphertextBlob":"c2VjcmV0","KeyId":"k"}')),
    case("secretsmanager", "DescribeSecret", {"SecretId": "s"}, None,
        (200, {}, '{"ARN":"a","CreatedDate":1.8e9,"LastChangedDate":1732188761.123,"VersionIdsToStages":{"v":["AWSCURRENT"]}}')),
    case("lambda", "Invoke", {"FunctionName": "arn:aws:lambda:us-east-1:1:function:f", "InvocationType": "RequestResponse",
        "Qualifier": "a b", "Payload": b'{"x":1}'}, None,
        (200, {"x-amz-executed-version": "$LATEST", "x-amz-function-error": "Unhandled"}, '{"errorMessage":"m"}')),
    case("lambda", "GetFunction", {"FunctionName": "f"}, None,
        (200, {}, '{"Configuration":{"FunctionName":"f","Timeout":3,"Environment":{"Variables":{"A":"b"}}},"Tags":{"t":"v"}}')),
    case("lambda", "ListFunctions", {"MaxItems": 5, "Marker": "m/n"}, None),
    case("apigateway", "GetRestApi", {"restApiId": "a/b"}, None,
        (200, {}, '{"id":"x","createdDate":1732188761,"binaryMediaTypes":["*/*"],"endpointConfiguration":{"types":["EDGE"]}}')),
    case("apigateway", "CreateRestApi", {"name": "n", "binaryMediaTypes": ["a"], "minimumCompressionSize": 3}, None),
    case("scheduler", "CreateSchedule", {"Name": "n", "ClientToken": "t", "ScheduleExpression": "rate(1 day)", "StartDate": time,
        "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": "a", "RoleArn": "r"}}, None,
        (200, {}, '{"ScheduleArn":"s"}')),
    case("batch", "UntagResource", {"resourceArn": "arn:x/y", "tagKeys": ["a", "b c"]}, None, (200, {}, "{}")),
    case("s3", "PutObject", {"Bucket": "b", "Key": "a b/é", "Body": b'"text"', "ContentType": "text/plain",
        "Metadata": {"k": "v"}}, None, (200, {"etag": '"e"', "x-amz-server-side-encryption": "AES256"}, ""),
        {"Bucket": "b", "Key": "a b/é", "Body": "text", "ContentType": "text/plain", "Metadata": {"k": "v"}}),
    case("s3", "GetObject", {"Bucket": "b", "Key": "k", "Range": "bytes=0-4", "IfModifiedSince": time}, None,
        (200, {"content-length": "5", "etag": '"e"', "last-modified": "Sat, 21 Nov 2026 11:32:41 GMT", "x-amz-meta-a": "b",
               "content-type": "text/plain", "accept-ranges": "bytes"}, "hello")),
    case("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "x/", "MaxKeys": 2}, None,
        (200, {}, "<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated><Contents><Key>x/1</Key><Size>3</Size>"
         "<LastModified>2026-11-21T11:32:41.000Z</LastModified></Contents><Contents><Key>x/2</Key><Size>4</Size></Contents>"
         "<KeyCount>2</KeyCount><MaxKeys>2</MaxKeys></ListBucketResult>")),
    case("s3", "DeleteObjects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "1 < 2"}, {"Key": "b", "VersionId": "v"}],
        "Quiet": True}}, None),
    case("s3", "PutBucketTagging", {"Bucket": "b", "Tagging": {"TagSet": [{"Key": "k", "Value": "v"}]}}, None),
    case("s3", "PutBucketAcl", {"Bucket": "b", "AccessControlPolicy": {"Grants": [{"Grantee": {"Type": "CanonicalUser",
        "ID": "i"}, "Permission": "READ"}], "Owner": {"ID": "o"}}}, None),
    case("route53", "ChangeResourceRecordSets", {"HostedZoneId": "Z", "ChangeBatch": {"Changes": [{"Action": "UPSERT",
        "ResourceRecordSet": {"Name": "n", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "1.2.3.4"}]}}]}}, None,
        (200, {}, "<R><ChangeInfo><Id>i</Id><Status>PENDING</Status><SubmittedAt>2026-11-21T11:32:41Z</SubmittedAt></ChangeInfo>"
         "</R>")),
]
path = pathlib.Path(__file__).with_name("wire-by-botocore.json")
path.write_text("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
