import ArgumentParser
import Console
import Testing

struct ConsoleTests {
    @Test func speedAndTimeLeftAreThoseOfThisRun() {
        // 100 windows were done before this run: 200 in 10 seconds, 700 left.
        #expect(
            Progress.text(300, of: 1000, since: 100, seconds: 10, unit: "windows", details: "1.5 MB/s decoded")
                == "300/1000  20.0 windows/s  0:35 left  1.5 MB/s decoded")
        #expect(
            Progress.text(100, of: 1000, since: 100, seconds: 10, unit: "rows", details: "")
                == "100/1000  0.0 rows/s  --:-- left")
        #expect(Progress.bar(0) == "[........................]" && Progress.bar(2) == "[########################]")
        #expect(Progress.bar(0.5, width: 4) == "[##..]")
        #expect(Progress.clock(59.6) == "1:00" && Progress.clock(3723) == "1:02:03" && Progress.clock(.nan) == "--:--")
    }

    @Test func theWorstFailureDeterminesTheExitStatus() {
        let (malformed, unreadable) = (ExitStatus.malformed, ExitStatus.unreadable)
        #expect(ExitStatus.combined([], isPartlyUnreadable: false) == .success)
        #expect(ExitStatus.combined([], isPartlyUnreadable: true) == ExitStatus.partlyUnreadable)
        #expect(ExitStatus.combined([malformed], isPartlyUnreadable: true) == malformed)
        #expect(ExitStatus.combined([malformed, unreadable, malformed], isPartlyUnreadable: false) == unreadable)
    }
}
