/// Bytes that values take on the heap, for `JSONataLimits.memoryBytes`; room that arrays keep spare included.
enum Cost {
    /// A value among others.
    static let element = 24
    /// An array beside its elements.
    static let array = 112
    /// An object beside its members.
    static let object = 112
    /// A name, its value, and its place in the table of many.
    static let member = 96
    static let function = 112
    /// A scope that a function keeps.
    static let frame = 128
    /// An element of a tuple stream.
    static let tuple = 144
}
