import Foundations
import Foundation

/// What is known of a window.
package enum WindowState: UInt8, CaseIterable, Sendable {
    /// Not looked at yet.
    case pending
    /// It has a probability.
    case predicted
    /// No tissue in it: not computed, has no nuclei.
    case background
    /// The image has no pixel in it: not computed, has no nuclei.
    case outside
    /// Part of it could not be decoded: nothing is known.
    case unreadable
}

/// A probability and a state for each window of an image, in memory or in a part of a file that is mapped into memory:
/// five bytes a window.
package final class WindowStore {
    package let count: Int
    private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int
    private let probabilities: UnsafeMutablePointer<Float>
    private let states: UnsafeMutablePointer<UInt8>

    /// Bytes of a store.
    package static func byteCount(_ count: Int) -> Int { count * (MemoryLayout<Float>.stride + 1) }

    /// Windows that are pending, in memory: pages that nobody writes to take none.
    package convenience init(count: Int) {
        let bytes = max(1, Self.byteCount(count))
        let mapping = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapping, mapping != MAP_FAILED else { fatalError("out of memory: \(bytes) bytes for windows") }
        self.init(mapping, count, bytes)
    }

    /// What is in a file from `offset` on, a multiple of the page size; it has to reach that far. Writes go to the file.
    package convenience init(count: Int, descriptor: Int32, offset: Int, path: FilePath) throws(FileError) {
        let bytes = max(1, Self.byteCount(count))
        let mapping = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, off_t(offset))
        guard let mapping, mapping != MAP_FAILED else {
            throw FileError(path, .unwritable, "cannot be mapped (\(String(cString: strerror(errno))))")
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

    /// Values that no program of ours wrote count as pending.
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
