import ArgumentParser
import Console
import Foundations
import Testing

struct ConsoleTests {
    @Test func speedAndTimeLeftAreThoseOfThisRun() {
        // 100 windows were done before this run: 200 in 10 seconds, 700 left.
        #expect(
            Progress.texts(300, of: 1000, since: 100, seconds: 10, unit: "windows", details: "1.5 MB/s decoded")
                == ["300/1000", "0:35 left", "20.0 windows/s", "1.5 MB/s decoded"])
        #expect(
            Progress.texts(100, of: 1000, since: 100, seconds: 10, unit: "rows", details: "")
                == ["100/1000", "--:-- left", "0.0 rows/s"])
        #expect(Progress.bar(0) == "[........................]" && Progress.bar(2) == "[########################]")
        #expect(Progress.bar(0.5, width: 4) == "[##..]")
        #expect(Progress.clock(59.6) == "1:00" && Progress.clock(3723) == "1:02:03" && Progress.clock(.nan) == "--:--")
    }

    @Test func progressFitsAnyWidth() {
        let texts = ["3000/10000", "0:35 left", "20.0 windows/s", "1.5 MB/s decoded"]
        let title = "12/400 TCGA-CR-7395-01A-01-TS1.svs"
        #expect(
            Progress.line("a.svs", 0.3, texts, columns: 120)
                == "a.svs [#######.................] 3000/10000  0:35 left  20.0 windows/s  1.5 MB/s decoded")
        #expect(
            Progress.line(title, 0.3, texts, columns: 79)
                == "12/400 TCGA-CR..01A-01-TS1.svs [#######.................] 3000/10000  0:35 left")
        #expect(Progress.line(title, 0.3, texts, columns: 40) == "12/400 ..TS1.svs [###.......] 3000/10000")
        #expect(Progress.line(title, 0.3, texts, columns: 12) == "3000/10000")
        #expect(Progress.line(title, 0.3, texts, columns: 5) == "30 %" && Progress.line("", 1, texts, columns: 0) == "")
        for columns in 0...200 {
            for title in [title, "切片切片切片切片切片切片切片.svs", ""] {
                #expect(Progress.line(title, 0.3, texts, columns: columns).columns <= columns)
            }
        }
    }

    @Test func theWorstFailureDeterminesTheExitStatus() {
        let (malformed, unreadable) = (ExitStatus.malformed, ExitStatus.unreadable)
        #expect(ExitStatus.combined([], isPartlyUnreadable: false) == .success)
        #expect(ExitStatus.combined([], isPartlyUnreadable: true) == ExitStatus.partlyUnreadable)
        #expect(ExitStatus.combined([malformed], isPartlyUnreadable: true) == malformed)
        #expect(ExitStatus.combined([malformed, unreadable, malformed], isPartlyUnreadable: false) == unreadable)
    }
}
