import Support
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00.000Z", 0),
        ("2026-11-21T11:32:41.123Z", 1_795_260_761_123),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2000-02-29T12:00:00.000Z", 951_825_600_000),
        ("0001-01-01T00:00:00.000Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ])
    func writesAndReadsTheSameMoment(text: String, milliseconds: Int64) {
        let moment = Timestamp(millisecondsSince1970: milliseconds)
        #expect(moment.iso8601 == text)
        #expect(Timestamp(iso8601: text) == moment)
    }

    @Test(arguments: [
        ("2026-11-21T13:32:41+02:00", "2026-11-21T11:32:41.000Z"),
        ("2026-11-21T11:32:41.9999Z", "2026-11-21T11:32:41.999Z"),
        ("2026-11-21T11:32Z", "2026-11-21T11:32:00.000Z"),
        ("2026-11-21T11:32:41.5-00:30", "2026-11-21T12:02:41.500Z"),
    ])
    func readsOffsetsAndFractions(text: String, utc: String) {
        #expect(Timestamp(iso8601: text)?.iso8601 == utc)
    }

    @Test(arguments: [
        "", "2026", "2026-11-21", "2026-11-21T11:32:41", "2026-13-21T11:32:41Z", "2026-02-29T00:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21T11:32:41.Z", "2026-11-21T11:32:41Zx", "2026-11-21 11:32:41Z",
    ])
    func refusesOtherTexts(text: String) {
        #expect(Timestamp(iso8601: text) == nil)
    }

    @Test func saturatesInsteadOfOverflowing() {
        let end = Timestamp(millisecondsSince1970: .max)
        #expect(end.adding(milliseconds: 1) == end)
        #expect(Timestamp(millisecondsSince1970: .min).milliseconds(since: end) == .min)
        #expect(Timestamp(secondsSince1970: .infinity).millisecondsSince1970 > 0)
    }
}

@Suite struct CivilTimeTests {
    @Test func daysAndDatesAreInverse() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2000 {
            let days = Int.random(in: -800_000...3_000_000, using: &random)
            let date = CivilTime.civil(fromDays: days)
            #expect(CivilTime.days(year: date.year, month: date.month, day: date.day) == days)
            #expect((1...CivilTime.daysInMonth(year: date.year, month: date.month)).contains(date.day))
        }
    }
}
