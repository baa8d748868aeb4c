import Tensors
import TestSupport
import Testing

@Suite struct TensorTests {
    private func address(_ tensor: Tensor) -> Int {
        tensor.withUnsafeBuffer { Int(bitPattern: $0.baseAddress!) }
    }

    @Test("memory is aligned to 64 bytes and zeroed", arguments: [0, 1, 3, 16, 17, 1000, 100_001])
    func alignment(_ count: Int) {
        let tensors = (0..<5).map { _ in Tensor([count]) }
        for tensor in tensors {
            #expect(address(tensor) % 64 == 0)
            #expect(tensor.values.allSatisfy { $0.bitPattern == 0 } && tensor.count == count)
        }
        #expect(Set(tensors.map(address)).count == 5)
    }

    @Test("views, and views of views, share the memory")
    func views() {
        let tensor = Tensor([4, 5], (0..<20).map { Float($0) })
        let rows = tensor.view([2, 5], at: 10)
        #expect(rows.values == (10..<20).map { Float($0) } && rows.shape == [2, 5])
        let part = rows.view([3], at: 4)
        #expect(part.values == [14, 15, 16])
        part[1] = -1
        #expect(tensor[15] == -1 && rows[5] == -1)
        rows.fill(2)
        #expect(tensor.values == (0..<10).map { Float($0) } + [Float](repeating: 2, count: 10))
        #expect(address(part) == address(tensor) + 14 * 4)
        #expect(tensor.view([0], at: 20).values.isEmpty)
    }

    @Test("a view keeps its owner's memory alive")
    func lifetime() {
        var tensor: Tensor? = Tensor([1000])
        weak let owner = tensor
        tensor!.fill(3)
        var view: Tensor? = tensor!.view([500], at: 500).view([10], at: 490)
        tensor = nil
        #expect(owner != nil)
        #expect(view!.values == [Float](repeating: 3, count: 10))
        view = nil
        #expect(owner == nil)
    }

    private final class Memory {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 128, alignment: 64)
        deinit { bytes.deallocate() }
    }

    @Test("a tensor over existing memory uses it and keeps its owner alive")
    func foreignMemory() {
        var memory: Memory? = Memory()
        weak let owner = memory
        var tensor: Tensor? = Tensor([2, 5], in: memory!.bytes, of: memory!)
        tensor!.fill(3)
        #expect(memory!.bytes.load(fromByteOffset: 36, as: Float.self) == 3)
        memory = nil
        var view: Tensor? = tensor!.view([5], at: 5)
        tensor = nil
        #expect(owner != nil)
        #expect(view!.values == [Float](repeating: 3, count: 5))
        view = nil
        #expect(owner == nil)
    }

    @Test("copying ignores shapes")
    func copy() {
        let tensor = Tensor([2, 3])
        tensor.copy(from: Tensor([6], [1, 2, 3, 4, 5, 6]))
        #expect(tensor.values == [1, 2, 3, 4, 5, 6] && tensor.shape == [2, 3])
    }

    @Test("count, batched shape and description of shapes")
    func shapes() {
        let shape: Shape = [3, 4, 5]
        #expect(shape.count == 60 && shape[1] == 4 && shape.description == "3x4x5")
        #expect(shape.batched(2) == [2, 3, 4, 5] && shape.batched(2).sample == shape)
        #expect(Shape([]).count == 1 && (Shape([3, 0])).count == 0)
    }

    @Test("a random stream depends on its seed and words")
    func streams() {
        func numbers(_ stream: SplitMix64) -> [UInt64] {
            var stream = stream
            return (0..<8).map { _ in stream.next() }
        }
        #expect(numbers(SplitMix64(seed: 3)) == (0..<8).map { Formula.bits(3, $0) })
        let streams = [
            SplitMix64(seed: 1), SplitMix64(seed: 1, stream: 0), SplitMix64(seed: 1, stream: 1),
            SplitMix64(seed: 1, stream: 0, 1), SplitMix64(seed: 1, stream: 1, 0), SplitMix64(seed: 2, stream: 1),
        ].map(numbers)
        #expect(Set(streams.flatMap { $0 }).count == 48)
        #expect(numbers(SplitMix64(seed: 1, stream: 1, 0)) == streams[4])
        var stream = SplitMix64(seed: 5)
        let units = (0..<1000).map { _ in stream.unit() }
        #expect(units == (0..<1000).map { Float(Formula.bits(5, $0) >> 40) / 16_777_216 })
    }
}
