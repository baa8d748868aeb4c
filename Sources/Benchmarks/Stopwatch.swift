import Foundation
import Foundations

/// Takes times, and notes how much of the processors this process got meanwhile.
package final class Stopwatch {
    private let clock = ContinuousClock()
    private var wall = 0.0
    private var processor = 0.0

    package init() {}

    /// Seconds that `body` took; with `threads` it counts for `processorShare`.
    package func seconds(threads: Int, _ body: () throws -> Void) rethrows -> Double {
        let (start, used) = (clock.now, Self.processorSeconds)
        try body()
        let seconds = (clock.now - start).seconds
        wall += seconds * Double(threads)
        processor += Self.processorSeconds - used
        return seconds
    }

    /// Processor time used while times were taken, as a share of what the threads could have used: below 1 when others
    /// wanted the processors too.
    package var processorShare: Double { wall > 0 ? processor / wall : 1 }

    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// What the operating system knows of this machine and this process.
package enum MachineState {
    /// How many processes wanted a processor in the last minute, on average; 0 where the system does not say.
    package static var load: Double {
        var average = [0.0]
        return getloadavg(&average, 1) == 1 ? average[0] : 0
    }

    /// The most memory that this process has held so far, in bytes.
    package static var peakMemory: Int {
        var usage = rusage()
        #if canImport(Glibc)
            getrusage(RUSAGE_SELF.rawValue, &usage)
            return usage.ru_maxrss * 1024
        #else
            getrusage(RUSAGE_SELF, &usage)
            return usage.ru_maxrss
        #endif
    }

    /// The processor's name, as Linux tells it.
    package static var processor: String {
        let lines = ((try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "").split(separator: "\n")
        let name = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last
        return name?.trimmingCharacters(in: .whitespaces) ?? "unknown processor"
    }
}
