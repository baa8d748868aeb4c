import Foundations
import Glibc

/// What is known about a window.
package enum WindowState: UInt8, CaseIterable, Sendable {
    /// Not processed yet.
    case pending
    /// Has a probability.
    case predicted
    /// Has no tissue: not computed, counts as without nuclei.
    case background
    /// Has no pixels of the image: not computed, counts as without nuclei.
    case outside
    /// Could not be decoded completely: nothing is known.
    case unreadable
}

/// The probability and the state of each window of an image, in memory or in a mapped part of a file: five bytes per
/// window.
package final class WindowStore {
    package let count: Int
    private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int
    private let probabilities: UnsafeMutablePointer<Float>
    private let states: UnsafeMutablePointer<UInt8>

    /// Size of a store in bytes.
    package static func byteCount(_ count: Int) -> Int { count * (MemoryLayout<Float>.stride + 1) }

    /// Pending windows in memory. Pages that are never written take no memory.
    package convenience init(count: Int) {
        let bytes = max(1, Self.byteCount(count))
        let mapping = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapping, mapping != MAP_FAILED else { AbnormalEnd.outOfMemory(for: "\(count) windows", bytes: bytes) }
        self.init(mapping, count, bytes)
    }

    /// The windows in a file from `offset` on, a multiple of the page size. The file extends at least to their end.
    /// Writes go to the file.
    package convenience init(count: Int, descriptor: Int32, offset: Int, path: FilePath) throws(FileError) {
        let bytes = max(1, Self.byteCount(count))
        let mapping = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, off_t(offset))
        guard let mapping, mapping != MAP_FAILED else {
            throw FileError(path, .unwritable, cannotBe: "mapped", .last)
        }
        self.init(mapping, count, bytes)
    }

    private init(_ mapping: UnsafeMutableRawPointer, _ count: Int, _ bytes: Int) {
        self.count = count
        self.mapping = mapping
        mappedBytes = bytes
        probabilities = mapping.bindMemory(to: Float.self, capacity: count)
        states = (mapping + count * MemoryLayout<Float>.stride).bindMemory(to: UInt8.self, capacity: count)
    }

    deinit { munmap(mapping, mappedBytes) }

    package func probability(_ window: Int) -> Float {
        precondition(window >= 0 && window < count)
        return probabilities[window]
    }

    /// The state of a window; pending for a value that is none of the states.
    package func state(_ window: Int) -> WindowState {
        precondition(window >= 0 && window < count)
        return WindowState(rawValue: states[window]) ?? .pending
    }

    package func setState(_ window: Int, _ state: WindowState) {
        precondition(window >= 0 && window < count && state != .predicted)
        states[window] = state.rawValue
        probabilities[window] = 0
    }

    package func setProbability(_ window: Int, _ probability: Float) {
        precondition(window >= 0 && window < count)
        probabilities[window] = probability
        states[window] = WindowState.predicted.rawValue
    }
}
