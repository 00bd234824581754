import Columnar

/// What a parameter accepts; arguments of other types are cast where Spark does so implicitly.
enum ParameterType: Sendable {
    case any
    case type(DataType)
    /// Any number; a string becomes double.
    case numeric
    /// byte, short, int or long; others become long.
    case integral
    case stringOrBinary
    case array, map
    /// All such parameters of one call become one common type.
    case common
}

enum ResultType: Sendable {
    case type(DataType)
    /// That of the argument, after casts.
    case argument(Int)
}

struct FunctionSignature: Sendable {
    var parameters: [ParameterType]
    /// How many of the last parameters may be missing.
    var optional = 0
    /// The last parameter may be repeated.
    var variadic = false
    var result: ResultType
    /// The name under which evaluation knows it.
    var name: FunctionName
}

/// Functions whose analysis is only a matter of types. The rest are in `ExpressionResolver+Functions.swift`.
enum FunctionTable {
    static let signatures: [String: FunctionSignature] = build()

    private static func build() -> [String: FunctionSignature] {
        var table: [String: FunctionSignature] = [:]
        func add(
            _ names: String, _ parameters: [ParameterType], _ result: ResultType, optional: Int = 0, variadic: Bool = false
        ) {
            let list = names.split(separator: " ").map(String.init)
            for name in list {
                table[name] = FunctionSignature(
                    parameters: parameters, optional: optional, variadic: variadic, result: result,
                    name: FunctionName(rawValue: list[0]))
            }
        }
        let string = ParameterType.type(.string)
        let int = ParameterType.type(.int)
        let long = ParameterType.type(.long)
        let double = ParameterType.type(.double)
        let date = ParameterType.type(.date)
        let timestamp = ParameterType.type(.timestamp)
        let boolean = ParameterType.type(.boolean)

        // Strings.
        for name in ["upper ucase", "lower lcase", "initcap"] { add(name, [string], .type(.string)) }
        add("reverse", [string], .type(.string))
        for name in ["ltrim", "rtrim", "btrim"] { add(name, [string, string], .type(.string), optional: 1) }
        add("trim", [string, string], .type(.string), optional: 1)
        add("length char_length character_length len", [.stringOrBinary], .type(.int))
        add("octet_length", [.stringOrBinary], .type(.int))
        add("bit_length", [.stringOrBinary], .type(.int))
        add("substring substr", [.stringOrBinary, int, int], .argument(0), optional: 1)
        add("left", [string, int], .type(.string))
        add("right", [string, int], .type(.string))
        add("lpad", [string, int, string], .type(.string), optional: 1)
        add("rpad", [string, int, string], .type(.string), optional: 1)
        add("repeat", [string, int], .type(.string))
        add("space", [int], .type(.string))
        add("replace", [string, string, string], .type(.string), optional: 1)
        add("translate", [string, string, string], .type(.string))
        add("instr", [string, string], .type(.int))
        add("locate position", [string, string, int], .type(.int), optional: 1)
        add("split", [string, string, int], .type(.array(element: .string, containsNull: false)), optional: 1)
        add("split_part", [string, string, int], .type(.string))
        add("substring_index", [string, string, int], .type(.string))
        add("ascii", [string], .type(.int))
        add("chr char", [long], .type(.string))
        add("crc32", [.stringOrBinary], .type(.long))
        for name in ["startswith", "endswith", "contains"] {
            add(name, [.stringOrBinary, .stringOrBinary], .type(.boolean))
        }
        add("like", [string, string, string], .type(.boolean), optional: 1)
        add("ilike", [string, string, string], .type(.boolean), optional: 1)
        add("rlike regexp regexp_like", [string, string], .type(.boolean))
        add("regexp_replace", [string, string, string, int], .type(.string), optional: 1)
        add("regexp_extract", [string, string, int], .type(.string), optional: 1)
        add("regexp_count", [string, string], .type(.int))
        add("regexp_substr", [string, string], .type(.string))

        // Numbers.
        for name in [
            "sqrt", "cbrt", "exp", "expm1", "ln", "log10", "log2", "log1p", "sin", "cos", "tan", "asin", "acos",
            "atan", "sinh", "cosh", "tanh", "degrees", "radians", "rint", "sign signum",
        ] { add(name, [double], .type(.double)) }
        add("pow power", [double, double], .type(.double))
        add("atan2", [double, double], .type(.double))
        add("hypot", [double, double], .type(.double))
        add("isnan", [double], .type(.boolean))
        add("shiftleft", [long, int], .type(.long))
        add("shiftright", [long, int], .type(.long))

        // Dates and times.
        for name in [
            "year", "quarter", "month", "day dayofmonth", "dayofweek", "weekday", "dayofyear", "weekofyear",
            "unix_date",
        ] { add(name, [date], .type(.int)) }
        for name in ["hour", "minute", "second"] { add(name, [timestamp], .type(.int)) }
        add("second_fraction", [timestamp], .type(.decimal(precision: 8, scale: 6)))
        add("year_of_week", [date], .type(.int))
        add("last_day", [date], .type(.date))
        add("next_day", [date, string], .type(.date))
        add("add_months", [date, int], .type(.date))
        add("months_between", [timestamp, timestamp, boolean], .type(.double), optional: 1)
        add("trunc", [date, string], .type(.date))
        add("date_trunc", [string, timestamp], .type(.timestamp))
        add("date_format", [timestamp, string], .type(.string))
        add("from_unixtime", [long, string], .type(.string), optional: 1)
        add("date_from_unix_date", [int], .type(.date))
        add("make_date", [int, int, int], .type(.date))
        add("timestamp_seconds", [long], .type(.timestamp))
        add("timestamp_millis", [long], .type(.timestamp))
        add("timestamp_micros", [long], .type(.timestamp))
        add("unix_seconds", [timestamp], .type(.long))
        add("unix_millis", [timestamp], .type(.long))
        add("unix_micros", [timestamp], .type(.long))

        // Hashes, arrays, maps.
        add("hash", [.any], .type(.int), variadic: true)
        add("xxhash64", [.any], .type(.long), variadic: true)
        add("array_join", [.array, string, string], .type(.string), optional: 1)

        return table
    }
}
