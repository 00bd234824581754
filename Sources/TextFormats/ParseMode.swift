/// What to do with a record that does not fit the schema.
package enum ParseMode: String, Sendable {
    /// Keep it: missing and unreadable fields are NULL, the text goes to the corrupt-record column when there is one.
    case permissive = "PERMISSIVE"
    case dropMalformed = "DROPMALFORMED"
    case failFast = "FAILFAST"
}
