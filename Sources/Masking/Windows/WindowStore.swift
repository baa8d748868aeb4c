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

/// The probability and the state of each window of an image: five bytes per window. For an ensemble, four more for the
/// standard deviation of the probability between the models.
package final class WindowStore {
    package let count: Int
    private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int
    private let probabilities: UnsafeMutablePointer<Float>
    /// Nil for one model.
    private let deviations: UnsafeMutablePointer<Float>?
    private let states: UnsafeMutablePointer<UInt8>

    /// Size of a store in bytes.
    package static func byteCount(_ count: Int, hasDeviations: Bool = false) -> Int {
        count * ((hasDeviations ? 2 : 1) * MemoryLayout<Float>.stride + 1)
    }

    /// Pending windows. Pages that are never written take no memory.
    package init(count: Int, hasDeviations: Bool = false) {
        let size = Self.byteCount(count, hasDeviations: hasDeviations)
        let bytes = max(1, size)
        let mapping = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapping, mapping != MAP_FAILED else { AbnormalEnd.outOfMemory(for: "\(count) windows", bytes: bytes) }
        self.count = count
        self.mapping = mapping
        mappedBytes = bytes
        let floats = mapping.bindMemory(to: Float.self, capacity: hasDeviations ? 2 * count : count)
        (probabilities, deviations) = (floats, hasDeviations ? floats + count : nil)
        states = (mapping + size - count).bindMemory(to: UInt8.self, capacity: count)
    }

    deinit { munmap(mapping, mappedBytes) }

    package func probability(_ window: Int) -> Float {
        precondition(window >= 0 && window < count)
        return probabilities[window]
    }

    /// Whether the windows are those of an ensemble.
    package var hasDeviations: Bool { deviations != nil }

    /// Standard deviation of the probability between the models of an ensemble; 0 for one model.
    package func deviation(_ window: Int) -> Float {
        precondition(window >= 0 && window < count)
        return deviations?[window] ?? 0
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
        deviations?[window] = 0
    }

    package func setProbability(_ window: Int, _ probability: Float, deviation: Float = 0) {
        precondition(window >= 0 && window < count)
        probabilities[window] = probability
        deviations?[window] = deviation
        states[window] = WindowState.predicted.rawValue
    }

    /// The memory of consecutive windows: parts of the store, each with its offset from the start.
    func parts(of windows: Range<Int>) -> [(bytes: UnsafeMutableRawBufferPointer, offset: Int)] {
        precondition(windows.lowerBound >= 0 && windows.upperBound <= count)
        func part<Element>(_ base: UnsafeMutablePointer<Element>) -> (UnsafeMutableRawBufferPointer, Int) {
            let bytes = UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(start: base + windows.lowerBound, count: windows.count))
            return (bytes, mapping.distance(to: bytes.baseAddress!))
        }
        return [part(probabilities)] + (deviations.map { [part($0)] } ?? []) + [part(states)]
    }
}
