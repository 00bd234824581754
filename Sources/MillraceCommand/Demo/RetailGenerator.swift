import Support

/// Daily CSV files of an invented online retailer, dirty in the ways that real deliveries are: missing customers and
/// descriptions, customers written as floats, cancellations, write-offs, free and negatively priced lines, exact
/// duplicates, blanks around descriptions, quotes and commas inside them, a pound sign, codes that are not numbers, and
/// a few lines that are no rows at all. The same seed gives the same bytes.
struct RetailGenerator {
    static let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"

    private var random: SeededRandom
    private let products: [Product]
    private let customers: [(id: Int, country: String)]
    private var invoice = 536_365

    private struct Product {
        var code: String
        var description: String
        var priceThousandths: Int
    }

    init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        products = Self.makeProducts(using: &random)
        customers = (0..<4000).map { index in
            (12_346 + index, Self.pick(Self.countries, weights: Self.countryWeights, using: &random))
        }
        self.random = random
    }

    /// The file of one day.
    ///
    /// - Parameters:
    ///   - day: days since 1970-01-01.
    ///   - rows: data lines, those that are no rows included.
    mutating func file(day: Int, rows: Int) -> String {
        let (year, month, dayOfMonth) = CivilTime.civil(fromDays: day)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))"
        var lines = [Self.header]
        lines.reserveCapacity(rows + 1)
        var minute = 8 * 60 + 26
        while lines.count <= rows {
            minute = min(minute + Int.random(in: 0...4, using: &random), 20 * 60)
            let time = "\(date) \(padded(minute / 60, 2)):\(padded(minute % 60, 2)):00"
            appendInvoice(at: time, to: &lines, until: rows)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private mutating func appendInvoice(at time: String, to lines: inout [String], until rows: Int) {
        let customer = customers[skewed(customers.count)]
        let anonymous = chance(0.25)
        let cancelled = chance(0.02)
        let number = (cancelled ? "C" : "") + String(invoice)
        invoice += 1
        for _ in 0..<Int.random(in: 1...30, using: &random) where lines.count <= rows {
            if chance(0.0003) {
                lines.append(chance(0.5) ? "\(number),DATA TRUNCATED" : "\(number),1,2,3,4,5,6,7,8,9")
                continue
            }
            let product = products[skewed(products.count)]
            var description = product.description
            var quantity = chance(0.1) ? Int.random(in: 24...400, using: &random) : Int.random(in: 1...12, using: &random)
            var price = product.priceThousandths
            if cancelled { quantity = -quantity }
            if chance(0.003) {
                quantity = -quantity
                price = 0
                description = ["?", "check", "damages", ""][Int.random(in: 0...3, using: &random)]
            } else if chance(0.002) {
                price = 0
            } else if chance(0.2) {
                description = chance(0.5) ? " " + description : description + " "
            }
            let line = [
                number, product.code, quoted(description), String(quantity), time, Self.money(price),
                anonymous ? "" : "\(customer.id).0", customer.country,
            ].joined(separator: ",")
            lines.append(line)
            if chance(0.01), lines.count <= rows { lines.append(line) }
        }
        if chance(0.0005), lines.count <= rows {
            lines.append("A\(invoice),B,Adjust bad debt,1,\(time),-11062.06,,United Kingdom")
            invoice += 1
        }
    }

    private mutating func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &random) < probability
    }

    /// An index that favours the low ones, as sales favour few products and few customers.
    private mutating func skewed(_ count: Int) -> Int {
        let x = Double.random(in: 0..<1, using: &random)
        return min(count - 1, Int(x * x * x * Double(count)))
    }

    private func quoted(_ text: String) -> String {
        text.contains(where: { $0 == "," || $0 == "\"" })
            ? "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" : text
    }

    /// Thousandths as a decimal without trailing zeros, as the retailer's export writes it.
    private static func money(_ thousandths: Int) -> String {
        var text = "\(thousandths / 1000).\(padded(thousandths % 1000, 3))"
        while text.hasSuffix("0"), !text.hasSuffix(".0") { text.removeLast() }
        return text
    }

    private static func makeProducts(using random: inout SeededRandom) -> [Product] {
        var products = [
            Product(code: "POST", description: "POSTAGE", priceThousandths: 18_000),
            Product(code: "DOT", description: "DOTCOM POSTAGE", priceThousandths: 120_500),
            Product(code: "M", description: "Manual", priceThousandths: 4250),
            Product(code: "m", description: "Manual", priceThousandths: 2550),
            Product(code: "gift_0001_20", description: "Dotcomgiftshop Gift Voucher £20.00", priceThousandths: 16_670),
            Product(code: "22137", description: "BATHROOM SET \"LOVE HEART\", WHITE", priceThousandths: 8950),
        ]
        for index in 0..<1200 {
            let code = String(20_000 + index * 7) + (Int.random(in: 0..<4, using: &random) == 0 ? "AB".randomLetter(&random) : "")
            var words = [colours, materials, things].map { $0[Int.random(in: 0..<$0.count, using: &random)] }
            if Int.random(in: 0..<40, using: &random) == 0 { words.insert("SET OF 6,", at: 0) }
            if Int.random(in: 0..<90, using: &random) == 0 { words.append("\"VINTAGE\"") }
            let price = Int.random(in: 4...150, using: &random) * 100 + [10, 50, 90, 95][Int.random(in: 0..<4, using: &random)]
            products.append(
                Product(
                    code: code, description: words.joined(separator: " "),
                    priceThousandths: index % 300 == 0 ? price + 5 : price))
        }
        return products
    }

    private static func pick(_ values: [String], weights: [Int], using random: inout SeededRandom) -> String {
        var left = Int.random(in: 0..<weights.reduce(0, +), using: &random)
        for (value, weight) in zip(values, weights) {
            if left < weight { return value }
            left -= weight
        }
        return values[0]
    }

    private static let countries = [
        "United Kingdom", "Germany", "France", "EIRE", "Spain", "Netherlands", "Belgium", "Switzerland", "Portugal",
        "Australia", "Norway", "Italy", "Channel Islands", "Finland", "Cyprus", "Japan", "Unspecified",
    ]
    private static let countryWeights = [900, 24, 22, 20, 8, 6, 6, 5, 5, 4, 3, 3, 3, 2, 2, 1, 1]
    private static let colours = ["WHITE", "RED", "PINK", "BLUE", "CREAM", "GREEN", "BLACK", "IVORY", "SILVER", "RETROSPOT"]
    private static let materials = ["METAL", "WOODEN", "GLASS", "PAPER", "CERAMIC", "KNITTED", "ENAMEL", "FELT", "ZINC"]
    private static let things = [
        "LANTERN", "HEART HOLDER", "CAKE STAND", "LUNCH BAG", "ALARM CLOCK", "TEA TOWEL", "BIRD ORNAMENT", "JAM JAR",
        "PHOTO FRAME", "DOORMAT", "HOT WATER BOTTLE", "STORAGE TIN", "GARDEN KIT", "PARTY BUNTING", "WALL CLOCK",
    ]
}

extension String {
    fileprivate func randomLetter(_ random: inout SeededRandom) -> String {
        String(self[index(startIndex, offsetBy: Int.random(in: 0..<count, using: &random))])
    }
}
