import Columnar
import SparkPlan

extension SQLParser {
    /// Spark's types: INT, else BIGINT, else DECIMAL for integers; DECIMAL for a fraction; DOUBLE for an exponent;
    /// suffixes Y S L F D BD.
    mutating func numberLiteral(negative: Bool) throws -> UnresolvedExpression {
        guard current.kind == .number else { throw syntaxError(expected: "a number") }
        let token = current
        let written = (negative ? "-" : "") + token.text
        func outOfRange(_ type: String) -> SparkError {
            .parse(
                "INVALID_NUMERIC_LITERAL_RANGE", "Numeric literal \(written) is outside the valid range for \(type).",
                at: token.position, in: text, origin: origin)
        }
        advance()
        let upper = written.uppercased()
        if upper.hasSuffix("BD") { return try decimal(String(upper.dropLast(2)), outOfRange("decimal")) }
        let body = String(upper.dropLast())
        switch upper.utf8.last {
        case UInt8(ascii: "Y"):
            guard let value = Int8(body) else { throw outOfRange("tinyint") }
            return .literal(.int8(value), .byte)
        case UInt8(ascii: "S"):
            guard let value = Int16(body) else { throw outOfRange("smallint") }
            return .literal(.int16(value), .short)
        case UInt8(ascii: "L"):
            guard let value = Int64(body) else { throw outOfRange("bigint") }
            return .literal(.int64(value), .long)
        case UInt8(ascii: "F"):
            guard let value = Float(body), value.isFinite else { throw outOfRange("float") }
            return .literal(.float(value), .float)
        case UInt8(ascii: "D"):
            guard let value = Double(body), value.isFinite else { throw outOfRange("double") }
            return .literal(.double(value), .double)
        default: break
        }
        if upper.contains("E") {
            guard let value = Double(upper), value.isFinite else { throw outOfRange("double") }
            return .literal(.double(value), .double)
        }
        if upper.contains(".") { return try decimal(upper, outOfRange("decimal")) }
        if let value = Int32(upper) { return .literal(.int32(value), .int) }
        if let value = Int64(upper) { return .literal(.int64(value), .long) }
        return try decimal(upper, outOfRange("decimal"))
    }

    private func decimal(_ text: String, _ failure: SparkError) throws -> UnresolvedExpression {
        guard let (unscaled, scale) = parseDecimal(text), scale <= DataType.decimalPrecisionMax else { throw failure }
        let digits = String(unscaled.magnitude).utf8.count
        guard digits <= DataType.decimalPrecisionMax else { throw failure }
        return .literal(
            .decimal(unscaled, scale: scale), .decimal(precision: max(digits, scale, 1), scale: scale))
    }

    /// Expressions that begin with a keyword; nil when the word is an ordinary name here.
    mutating func keywordExpression() throws -> UnresolvedExpression? {
        let word = current.keyword
        let followedByString = peek(1).kind == .string
        let followedByParenthesis = isSymbol("(", ahead: 1)
        switch word {
        case "NULL":
            advance()
            return .literal(.null, .null)
        case "TRUE", "FALSE":
            advance()
            return .literal(.bool(word == "TRUE"), .boolean)
        case "DATE" where followedByString, "TIMESTAMP" where followedByString, "TIMESTAMP_NTZ" where followedByString,
            "TIMESTAMP_LTZ" where followedByString:
            return try dateTimeLiteral(word)
        case "X" where followedByString:
            return try binaryLiteral()
        case "INTERVAL" where followedByString || peek(1).kind == .number || isSymbol("-", ahead: 1)
            || isSymbol("+", ahead: 1):
            return try intervalLiteral()
        case "CASE": return try caseExpression()
        case "CAST" where followedByParenthesis, "TRY_CAST" where followedByParenthesis:
            advance()
            return try parenthesized { parser in
                let value = try parser.expression()
                try parser.expect("AS")
                return .cast(value, try parser.dataType(), word == "CAST" ? .ansi : .try)
            }
        case "EXISTS" where followedByParenthesis && (isKeyword("SELECT", ahead: 2) || isKeyword("WITH", ahead: 2)):
            advance()
            return .exists(try parenthesized { try $0.query() })
        case "EXTRACT" where followedByParenthesis:
            advance()
            return try parenthesized { parser in
                let field = try parser.identifier("a field")
                try parser.expect("FROM")
                return .call("date_part", .string(field), try parser.expression())
            }
        case "POSITION" where followedByParenthesis:
            let start = index
            advance()
            advance()
            let needle = try comparisonOnly()
            guard take("IN") else {
                index = start
                return nil
            }
            let value = try expression()
            try expect(symbol: ")")
            return .call("locate", needle, value)
        case "SUBSTRING" where followedByParenthesis, "SUBSTR" where followedByParenthesis:
            advance()
            return try parenthesized { parser in
                var arguments = [try parser.expression()]
                if parser.take("FROM") {
                    arguments.append(try parser.expression())
                    if parser.take("FOR") { arguments.append(try parser.expression()) }
                } else {
                    while parser.take(symbol: ",") { arguments.append(try parser.expression()) }
                }
                return .function(UnresolvedFunction("substring", arguments))
            }
        case "TRIM" where followedByParenthesis:
            return try trimExpression()
        case "CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_USER", "LOCALTIMESTAMP":
            guard !followedByParenthesis else { return nil }
            let position = current.position
            advance()
            return .function(UnresolvedFunction(word.lowercased(), [], position: position))
        default: return nil
        }
    }

    private mutating func trimExpression() throws -> UnresolvedExpression {
        advance()
        return try parenthesized { parser in
            var name = "trim"
            var sided = true
            if parser.take("LEADING") { name = "ltrim" } else if parser.take("TRAILING") { name = "rtrim" } else if !parser.take("BOTH") { sided = false }
            if sided, parser.take("FROM") { return .call(name, try parser.expression()) }
            let first = try parser.expression()
            if parser.take("FROM") { return .call(name, try parser.expression(), first) }
            if parser.take(symbol: ",") { return .call(name, try parser.expression(), first) }
            return .call(name, first)
        }
    }

    private mutating func dateTimeLiteral(_ word: String) throws -> UnresolvedExpression {
        advance()
        let token = current
        let written = try stringLiteral()
        if word == "DATE", let days = parseDate(written) { return .literal(.date(days), .date) }
        if word != "DATE", let (micros, zoned) = parseTimestamp(written), !(zoned && word == "TIMESTAMP_NTZ") {
            return .literal(.timestamp(micros), word == "TIMESTAMP_NTZ" ? .timestampNTZ : .timestamp)
        }
        throw SparkError.parse(
            "INVALID_TYPED_LITERAL", "The value of the typed literal \"\(word)\" is invalid: '\(written)'.",
            at: token.position, in: text, origin: origin)
    }

    private mutating func binaryLiteral() throws -> UnresolvedExpression {
        advance()
        let token = current
        var digits = try stringLiteral()
        if !digits.utf8.count.isMultiple(of: 2) { digits = "0" + digits }
        var result: [UInt8] = []
        let bytes = Array(digits.utf8)
        for index in stride(from: 0, to: bytes.count, by: 2) {
            guard let byte = UInt8(String(decoding: bytes[index..<index + 2], as: UTF8.self), radix: 16) else {
                throw SparkError.parse(
                    "INVALID_TYPED_LITERAL", "The value of the typed literal \"X\" is invalid: '\(token.text)'.",
                    at: token.position, in: text, origin: origin)
            }
            result.append(byte)
        }
        return .literal(.binary(result), .binary)
    }

    private mutating func caseExpression() throws -> UnresolvedExpression {
        advance()
        let start = mark
        let subject = isKeyword("WHEN") ? nil : try expression()
        let subjectSize = size(since: start)
        var branches: [UnresolvedCaseBranch] = []
        while take("WHEN") {
            var condition = try expression()
            if let subject {
                if !branches.isEmpty { try repeatOperand(size: subjectSize) }
                condition = .call("=", subject, condition)
            }
            try expect("THEN")
            branches.append(UnresolvedCaseBranch(condition: condition, result: try expression()))
        }
        guard !branches.isEmpty else { throw syntaxError(expected: "WHEN") }
        let otherwise = take("ELSE") ? try expression() : nil
        try expect("END")
        return .caseWhen(branches: branches, otherwise: otherwise)
    }

    /// `INTERVAL '90' DAY`, `INTERVAL 1 YEAR 2 MONTHS`, `INTERVAL '1 02:03:04' DAY TO SECOND`, `INTERVAL '3 days'`.
    private mutating func intervalLiteral() throws -> UnresolvedExpression {
        let start = current
        advance()
        func invalid(_ why: String) -> SparkError {
            .parse("INVALID_INTERVAL_FORMAT", "Error parsing the interval: \(why).", at: start.position, in: text, origin: origin)
        }
        var interval = IntervalValue()
        let sign = take(symbol: "-") ? -1 : (take(symbol: "+") ? 1 : 1)
        if current.kind == .string, !Self.isUnit(peek(1)) {
            let written = try stringLiteral()
            guard interval.addPhrase(written) else { throw invalid("'\(written)'") }
        } else {
            repeat {
                let negative = take(symbol: "-")
                let value = current.text
                guard current.kind == .string || current.kind == .number else { throw syntaxError(expected: "a number") }
                advance()
                guard Self.isUnit(current) else { throw syntaxError(expected: "an interval unit") }
                let unit = current.keyword
                advance()
                if take("TO") {
                    let last = try identifier("an interval unit").uppercased()
                    guard interval.addRange(value, from: unit, to: last) else { throw invalid("'\(value)'") }
                } else {
                    guard interval.add((negative ? "-" : "") + value, unit: unit) else {
                        throw invalid("'\(value)' \(unit)")
                    }
                }
            } while (current.kind == .string || current.kind == .number) && Self.isUnit(peek(1))
        }
        guard let literal = interval.literal(sign: sign) else { throw unsupported("intervals of both months and days") }
        return .literal(literal.0, literal.1)
    }

    private static func isUnit(_ token: Token) -> Bool {
        token.kind == .word && IntervalValue.unit(token.text) != nil
    }

    /// An operand that stops before IN.
    private mutating func comparisonOnly() throws -> UnresolvedExpression {
        let token = current
        if token.kind == .string { return .string(try stringLiteral()) }
        return .attribute(try multipartName(), token.position)
    }
}
