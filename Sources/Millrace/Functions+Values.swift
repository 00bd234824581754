extension Functions {
    // MARK: - Text. Positions count characters from 1.

    /// NULL when one of them is.
    public static func concat(_ columns: any ColumnOrName...) -> Column { .call("concat", columns.map(\.namedColumn)) }
    /// With a separator between; NULLs are left out.
    public static func concat_ws(_ separator: String, _ columns: any ColumnOrName...) -> Column {
        .call("concat_ws", [lit(separator)] + columns.map(\.namedColumn))
    }
    public static func upper(_ column: any ColumnOrName) -> Column { of("upper", column) }
    public static func lower(_ column: any ColumnOrName) -> Column { of("lower", column) }
    public static func initcap(_ column: any ColumnOrName) -> Column { of("initcap", column) }
    /// Without blanks at both ends.
    public static func trim(_ column: any ColumnOrName) -> Column { of("trim", column) }
    public static func ltrim(_ column: any ColumnOrName) -> Column { of("ltrim", column) }
    public static func rtrim(_ column: any ColumnOrName) -> Column { of("rtrim", column) }
    public static func length(_ column: any ColumnOrName) -> Column { of("length", column) }
    public static func substring(_ column: any ColumnOrName, _ start: Int, _ length: Int) -> Column {
        of("substring", column, lit(start), lit(length))
    }
    public static func lpad(_ column: any ColumnOrName, _ length: Int, _ pad: String) -> Column {
        of("lpad", column, lit(length), lit(pad))
    }
    public static func rpad(_ column: any ColumnOrName, _ length: Int, _ pad: String) -> Column {
        of("rpad", column, lit(length), lit(pad))
    }
    public static func `repeat`(_ column: any ColumnOrName, _ times: Int) -> Column { of("repeat", column, lit(times)) }
    public static func reverse(_ column: any ColumnOrName) -> Column { of("reverse", column) }
    /// Characters of `from` become those of `to` at the same place; without one they go.
    public static func translate(_ column: any ColumnOrName, _ from: String, _ to: String) -> Column {
        of("translate", column, lit(from), lit(to))
    }
    public static func replace(_ column: any ColumnOrName, _ search: String, _ replacement: String) -> Column {
        of("replace", column, lit(search), lit(replacement))
    }
    /// The position of a text, 0 where it is not.
    public static func instr(_ column: any ColumnOrName, _ text: String) -> Column { of("instr", column, lit(text)) }
    /// An array of the parts between matches of a regular expression; `limit` parts at most when positive.
    public static func split(_ column: any ColumnOrName, _ pattern: String, _ limit: Int = -1) -> Column {
        of("split", column, lit(pattern), lit(limit))
    }
    public static func split_part(_ column: any ColumnOrName, _ delimiter: String, _ part: Int) -> Column {
        of("split_part", column, lit(delimiter), lit(part))
    }
    /// All matches replaced; `$1` in the replacement is the first group.
    public static func regexp_replace(_ column: any ColumnOrName, _ pattern: String, _ replacement: String) -> Column {
        of("regexp_replace", column, lit(pattern), lit(replacement))
    }
    /// A group of the first match (0: all of it); empty where there is no match.
    public static func regexp_extract(_ column: any ColumnOrName, _ pattern: String, _ group: Int = 1) -> Column {
        of("regexp_extract", column, lit(pattern), lit(group))
    }

    // MARK: - Numbers

    /// Half away from zero.
    public static func round(_ column: any ColumnOrName, _ scale: Int = 0) -> Column { of("round", column, lit(scale)) }
    /// Half to even.
    public static func bround(_ column: any ColumnOrName, _ scale: Int = 0) -> Column { of("bround", column, lit(scale)) }
    public static func floor(_ column: any ColumnOrName) -> Column { of("floor", column) }
    public static func ceil(_ column: any ColumnOrName) -> Column { of("ceil", column) }
    public static func abs(_ column: any ColumnOrName) -> Column { of("abs", column) }
    public static func sqrt(_ column: any ColumnOrName) -> Column { of("sqrt", column) }
    public static func exp(_ column: any ColumnOrName) -> Column { of("exp", column) }
    /// The natural logarithm.
    public static func log(_ column: any ColumnOrName) -> Column { of("ln", column) }
    public static func log10(_ column: any ColumnOrName) -> Column { of("log10", column) }
    public static func pow(_ base: any ColumnOrName, _ exponent: some ColumnValue) -> Column {
        of("pow", base, exponent.columnValue)
    }
    /// -1.0, 0.0 or 1.0.
    public static func signum(_ column: any ColumnOrName) -> Column { of("signum", column) }

    // MARK: - Arrays, maps, structs

    public static func array(_ columns: any ColumnOrName...) -> Column { .call("array", columns.map(\.namedColumn)) }
    /// Of keys and values in turn.
    public static func create_map(_ columns: any ColumnOrName...) -> Column { .call("map", columns.map(\.namedColumn)) }
    public static func `struct`(_ columns: any ColumnOrName...) -> Column { .call("struct", columns.map(\.namedColumn)) }
    public static func size(_ column: any ColumnOrName) -> Column { of("size", column) }
    public static func array_contains(_ column: any ColumnOrName, _ value: some ColumnValue) -> Column {
        of("array_contains", column, value.columnValue)
    }
    public static func array_join(_ column: any ColumnOrName, _ separator: String) -> Column {
        of("array_join", column, lit(separator))
    }
    /// Of an array by position from 1 (from the end when negative), of a map by key.
    public static func element_at(_ column: any ColumnOrName, _ key: some ColumnValue) -> Column {
        of("element_at", column, key.columnValue)
    }
    public static func map_keys(_ column: any ColumnOrName) -> Column { of("map_keys", column) }
    public static func map_values(_ column: any ColumnOrName) -> Column { of("map_values", column) }
}
