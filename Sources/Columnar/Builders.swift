/// Builds a flat column of one fixed-width form (Int8 … Int128, Float, Double, UInt8 for booleans, `StringView`).
package final class FixedWidthBuilder<Value: BitwiseCopyable> {
    package private(set) var buffer: Buffer
    @usableFromInline var base: UnsafeMutablePointer<Value>
    @usableFromInline var capacity: Int
    package var count = 0
    @usableFromInline var validity = ValidityBuilder()
    private let zero: Value

    /// - Parameter zero: what a NULL row's slot is filled with.
    package init(zero: Value, capacity: Int = Batch.maxRows) {
        self.capacity = max(capacity, 16)
        buffer = Buffer(bytes: self.capacity * MemoryLayout<Value>.stride)
        base = buffer.pointer(to: Value.self)
        self.zero = zero
    }

    @inlinable package func append(_ value: Value) {
        if count == capacity { grow(to: count + 1) }
        base[count] = value
        count += 1
    }

    @inline(never) package func appendNull() {
        if count == capacity { grow(to: count + 1) }
        base[count] = zero
        validity.setNull(count)
        count += 1
    }

    @inlinable package func append(contentsOf values: UnsafeBufferPointer<Value>) {
        if count + values.count > capacity { grow(to: count + values.count) }
        if let source = values.baseAddress { (base + count).update(from: source, count: values.count) }
        count += values.count
    }

    @usableFromInline @inline(never) func grow(to rows: Int) {
        let newCapacity = max(rows, capacity * 2)
        let bigger = Buffer(bytes: newCapacity * MemoryLayout<Value>.stride)
        bigger.pointer(to: Value.self).update(from: base, count: count)
        buffer = bigger
        base = bigger.pointer(to: Value.self)
        capacity = newCapacity
    }

    /// The column; the builder is empty afterwards and may be used again.
    package func finish(_ dataType: DataType, heaps: [Buffer] = []) -> ColumnVector {
        let column = ColumnVector.flat(
            dataType, count: count, values: buffer, validity: validity.finish(count: count), heaps: heaps)
        capacity = Batch.maxRows
        buffer = Buffer(bytes: capacity * MemoryLayout<Value>.stride)
        base = buffer.pointer(to: Value.self)
        count = 0
        return column
    }

    /// The validity collected so far, taken out; for columns that are not flat (dictionary codes).
    package func takeValidity() -> ValidityBitmap? { validity.finish(count: count) }
}

/// Collects bytes that string views point to. Blocks never move, so a view stays good while the block lives.
package final class StringHeap {
    /// Blocks that hold bytes so far.
    package private(set) var blocks: [Buffer] = []
    @usableFromInline var next: UnsafeMutablePointer<UInt8>
    @usableFromInline var room = 0
    private var blockBytes = 16 << 10

    package init() { next = ColumnVector.noValues.pointer(to: UInt8.self) }

    /// A view of a copy of the bytes; short ones need no copy.
    @inlinable package func store(_ bytes: UnsafePointer<UInt8>, count: Int) -> StringView {
        if count <= StringView.inlineBytesMax { return StringView(bytes: bytes, count: count) }
        let copy = reserve(count)
        copy.update(from: bytes, count: count)
        return StringView(bytes: copy, count: count)
    }

    /// Room for `count` bytes, to be filled by the caller.
    @inlinable package func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        if count > room { addBlock(count) }
        let start = next
        next += count
        room -= count
        return start
    }

    @usableFromInline @inline(never) func addBlock(_ count: Int) {
        blockBytes = min(blockBytes * 2, 1 << 20)
        let block = Buffer(bytes: max(count, blockBytes))
        blocks.append(block)
        next = block.pointer(to: UInt8.self)
        room = block.capacity
    }

    /// The blocks so far. The last one goes on being filled, behind the bytes that views already name.
    package var byteSize: Int { blocks.reduce(0) { $0 + $1.capacity } }

    /// Takes the blocks out and starts anew.
    package func take() -> [Buffer] {
        let taken = blocks
        blocks = []
        room = 0
        blockBytes = 16 << 10
        return taken
    }
}

/// Builds a flat string or binary column.
package final class StringBuilder {
    package let views: FixedWidthBuilder<StringView>
    package let heap = StringHeap()

    package init(capacity: Int = Batch.maxRows) {
        views = FixedWidthBuilder(zero: .empty, capacity: capacity)
    }

    package var count: Int { views.count }

    @inlinable package func append(_ bytes: UnsafePointer<UInt8>, count: Int) {
        views.append(heap.store(bytes, count: count))
    }

    package func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        if let base = bytes.baseAddress { append(base, count: bytes.count) } else { views.append(.empty) }
    }

    package func append(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { append($0) } }

    package func append(_ text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    package func appendNull() { views.appendNull() }

    package func finish(_ dataType: DataType = .string) -> ColumnVector {
        views.finish(dataType, heaps: heap.take())
    }
}
