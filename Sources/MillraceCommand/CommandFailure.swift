/// A failure whose message is all that its reader needs: what was found, where, and the next step.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
