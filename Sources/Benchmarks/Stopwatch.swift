import FoundationEssentials
import Foundations
import Glibc

/// Measures wall time and the share of processor time that this process got.
package final class Stopwatch {
    private let clock = ContinuousClock()
    private var wall = 0.0
    private var processor = 0.0

    package init() {}

    /// Duration of `body` in seconds. `threads` is the number of threads it uses.
    package func seconds(threads: Int, _ body: () throws -> Void) rethrows -> Double {
        let (start, used) = (clock.now, Self.processorSeconds)
        try body()
        let seconds = (clock.now - start).seconds
        wall += seconds * Double(threads)
        processor += Self.processorSeconds - used
        return seconds
    }

    /// Processor time used by all measured bodies, relative to their duration times threads. Below 1 when other processes
    /// compete for the processors.
    package var processorShare: Double { wall > 0 ? processor / wall : 1 }

    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// State of the machine and of this process, as reported by the operating system.
package enum MachineState {
    /// Load average of the last minute; 0 when unavailable.
    package static var load: Double {
        var average = [0.0]
        return getloadavg(&average, 1) == 1 ? average[0] : 0
    }

    /// Peak resident memory of this process, in bytes.
    package static var peakMemory: Int {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return usage.ru_maxrss * 1024
    }

    /// Model name of the processor.
    package static var processor: String {
        let lines = ((try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "").split(separator: "\n")
        let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
        return name.map { String($0.drop(while: \.isWhitespace)) } ?? "unknown processor"
    }
}
