import Foundations
import Glibc

/// State of a window.
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

/// The probability and the state of each window of an image: five bytes per window.
package final class WindowStore {
    package let count: Int
    private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int
    private let probabilities: UnsafeMutablePointer<Float>
    private let states: UnsafeMutablePointer<UInt8>

    /// Size of a store in bytes.
    package static func byteCount(_ count: Int) -> Int { count * (MemoryLayout<Float>.stride + 1) }

    /// Pending windows. Pages that are never written take no memory.
    package init(count: Int) {
        let bytes = max(1, Self.byteCount(count))
        let mapping = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapping, mapping != MAP_FAILED else { AbnormalEnd.outOfMemory(for: "\(count) windows", bytes: bytes) }
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

    /// The bytes of the probabilities and of the states of consecutive windows.
    func bytes(
        of windows: Range<Int>
    ) -> (probabilities: UnsafeMutableRawBufferPointer, states: UnsafeMutableRawBufferPointer) {
        precondition(windows.lowerBound >= 0 && windows.upperBound <= count)
        return (
            UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(start: probabilities + windows.lowerBound, count: windows.count)),
            UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(start: states + windows.lowerBound, count: windows.count))
        )
    }
}
