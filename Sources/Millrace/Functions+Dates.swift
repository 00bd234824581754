extension Functions {
    // MARK: - Dates and times. Formats are Spark's datetime patterns; times are UTC.

    /// A date from text as `yyyy-MM-dd`, or from a timestamp; other text raises `CAST_INVALID_INPUT`.
    public static func to_date(_ column: any ColumnOrName) -> Column { of("to_date", column) }
    public static func to_date(_ column: any ColumnOrName, _ format: String) -> Column { of("to_date", column, lit(format)) }
    /// As `to_date`, with NULL for what is no date.
    public static func try_to_date(_ column: any ColumnOrName, _ format: String) -> Column {
        of("try_to_date", column, lit(format))
    }
    public static func to_timestamp(_ column: any ColumnOrName) -> Column { of("to_timestamp", column) }
    public static func to_timestamp(_ column: any ColumnOrName, _ format: String) -> Column {
        of("to_timestamp", column, lit(format))
    }
    public static func date_format(_ column: any ColumnOrName, _ format: String) -> Column {
        of("date_format", column, lit(format))
    }
    /// `year`, `month`, `day`, `hour`, ...: a timestamp cut down to the unit.
    public static func date_trunc(_ unit: String, _ column: any ColumnOrName) -> Column {
        .call("date_trunc", lit(unit), column.namedColumn)
    }
    /// A date cut down to `year`, `quarter`, `month` or `week`.
    public static func trunc(_ column: any ColumnOrName, _ unit: String) -> Column { of("trunc", column, lit(unit)) }
    public static func year(_ column: any ColumnOrName) -> Column { of("year", column) }
    public static func quarter(_ column: any ColumnOrName) -> Column { of("quarter", column) }
    public static func month(_ column: any ColumnOrName) -> Column { of("month", column) }
    public static func dayofmonth(_ column: any ColumnOrName) -> Column { of("dayofmonth", column) }
    /// From 1 for Sunday.
    public static func dayofweek(_ column: any ColumnOrName) -> Column { of("dayofweek", column) }
    public static func dayofyear(_ column: any ColumnOrName) -> Column { of("dayofyear", column) }
    public static func weekofyear(_ column: any ColumnOrName) -> Column { of("weekofyear", column) }
    public static func hour(_ column: any ColumnOrName) -> Column { of("hour", column) }
    public static func minute(_ column: any ColumnOrName) -> Column { of("minute", column) }
    public static func second(_ column: any ColumnOrName) -> Column { of("second", column) }
    public static func date_add(_ column: any ColumnOrName, _ days: some ColumnValue) -> Column {
        of("date_add", column, days.columnValue)
    }
    public static func date_sub(_ column: any ColumnOrName, _ days: some ColumnValue) -> Column {
        of("date_sub", column, days.columnValue)
    }
    public static func add_months(_ column: any ColumnOrName, _ months: some ColumnValue) -> Column {
        of("add_months", column, months.columnValue)
    }
    /// Days from `start` to `end`.
    public static func datediff(_ end: any ColumnOrName, _ start: any ColumnOrName) -> Column {
        of("datediff", end, start.namedColumn)
    }
    public static func months_between(_ end: any ColumnOrName, _ start: any ColumnOrName) -> Column {
        of("months_between", end, start.namedColumn)
    }
    public static func last_day(_ column: any ColumnOrName) -> Column { of("last_day", column) }
    /// The first such day of the week (`Mon`, `Tue`, ...) after the date.
    public static func next_day(_ column: any ColumnOrName, _ dayOfWeek: String) -> Column {
        of("next_day", column, lit(dayOfWeek))
    }
    /// Seconds since 1970 UTC.
    public static func unix_timestamp(_ column: any ColumnOrName) -> Column { of("unix_timestamp", column) }
    public static func from_unixtime(_ column: any ColumnOrName, _ format: String = "yyyy-MM-dd HH:mm:ss") -> Column {
        of("from_unixtime", column, lit(format))
    }
    public static func make_date(
        _ year: any ColumnOrName, _ month: any ColumnOrName, _ day: any ColumnOrName
    ) -> Column { of("make_date", year, month.namedColumn, day.namedColumn) }
}
