import Charts
import Datasets
import Foundation
import Foundations
import Reports
import TestSupport
import Testing
import Training

@Suite(.kernelTurns) struct RunReportTests {
    private let set: TileSet
    private let split: Split
    private var settings = TrainingSettings(.pseudoLabeling, .compact)

    init() throws {
        set = try SyntheticTiles.set.get()
        settings.split.validationShare = 0.25
        split = try Split(set, settings.split)
    }

    /// Logits with which all test tiles but the first are classified correctly, with different confidence.
    private func logits(_ split: Split) -> LabeledLogits {
        let targets = split.test.map { set.tiles[$0].label!.rawValue }
        let rows = targets.enumerated().flatMap { index, target -> [Float] in
            let logit = Float(index + 1) / 2
            return (target == 0) == (index > 0) ? [logit, 0] : [0, logit]
        }
        return LabeledLogits(classes: TileLabel.names, rows: rows, targets: targets)
    }

    private func epoch(_ number: Int, cycle: Int, trainLoss: Double = 0.75) -> EpochRecord {
        EpochRecord(
            cycle: cycle, epoch: number, learningRate: 1e-3, trainLoss: trainLoss / Double(number), trainAccuracy: 0.5,
            watchedLoss: 0.8125, watchedAccuracy: 0.4375, watchedF1: 0.40625, seconds: 1, tilesPerSecond: 10)
    }

    private func cycle(_ number: Int, accepted: Int, loss: Double, isKept: Bool) -> CycleRecord {
        CycleRecord(
            cycle: number, accepted: [TileLabel.nuclei.name: accepted, TileLabel.noNucleus.name: 2], epochs: 3,
            bestEpoch: 2,
            watched: Evaluation.score(LabeledProbabilities(classes: 2, rows: [0.9, 0.1, 0.4, 0.6], targets: [0, 1])),
            calibratedLoss: loss, temperature: 2, isKept: isKept)
    }

    private func record(_ settings: TrainingSettings, _ split: Split, epochs: Int = 3) -> RunFolder.Record {
        var record = RunFolder.Record(
            settings, set: set, split: split, parameters: 5,
            chosenOn: split.validation.isEmpty ? .test : .validation, version: "1.2.3", command: "nuclei-train tiles")
        record.history = (1...epochs).map { epoch($0, cycle: 0) } + [epoch(1, cycle: 1, trainLoss: 9)]
        record.bestEpoch = 2
        record.cycles = [
            cycle(0, accepted: 0, loss: 0.5, isKept: true), cycle(1, accepted: 5, loss: 0.625, isKept: false),
        ]
        return record
    }

    private func full(pixels: [PixelLabelRecord] = [], pixelLoss: Double? = nil) throws -> Page {
        let ledger = ["a", "b", "c"].map {
            PseudoLabel(cycle: 1, filename: $0, label: .nuclei, confidence: 0.5, verdict: .unsure)
        }
        var record = record(settings, split)
        record.cycles?[0].pixelLoss = pixelLoss
        return RunReport(
            record, ledger: Ledger(tiles: ledger, pixels: pixels), set: set, split: split, logits: logits(split),
            warning: "beware",
            scratch: temporaryFolder
        ).page()
    }

    @Test func everythingIsOnThePage() throws {
        let page = try full()
        #expect(
            page.sections.map(\.title) == [
                "Scores on the test", "Learning", "Confidence and calibration", "Pseudo-labeling", "Mistakes", "Groups",
                "Data and settings",
            ])
        let reader = PageReader(page.html(missing))
        #expect(reader.problem == nil && reader.all("img").count == 1)
        for text in [
            "Training of compact, pseudo-labeling", "nuclei 1.2.3", "Scored on \(split.test.count) test tiles",
            "temperature 2.000", "Warning: beware.", "before calibration, ECE", "calibrated, ECE", "average precision",
            set.tiles[split.test[0]].filename, "All mistakes", "5 NUCLEI, 2 NO_NUCLEUS of 3 tiles",
            "discarded: no improvement", "0.6250", "nuclei-train tiles", "pseudoLabelling.confidence", "0.95",
        ] { #expect(reader.text.contains(text), "\(text)") }
        let scores = try #require(table("Scores", on: page))
        let accuracy = Double(split.test.count - 1) / Double(split.test.count)
        #expect(scores.rows[0][0] == "accuracy" && scores.rows[0][1] == String(accuracy, decimals: 4))
        let confusion = try #require(table("Confusion", on: page))
        #expect(
            confusion.rows.map { $0[0] } == TileLabel.names
                && confusion.rows.joined().contains { $0.hasSuffix("(100.0 %)") })
    }

    @Test func overlapWithOutlinesIsDrawn() throws {
        var record = record(settings, split)
        for (index, dice) in [0.25, nil, 0.75].enumerated() { record.history[index].watchedDice = dice }
        let page = RunReport(
            record, set: set, split: split, logits: logits(split), scratch: temporaryFolder
        ).page()
        let drawn = try #require(chart("Overlap with outlines", on: page))
        #expect(drawn.numbers.rows == [["1", "0.25"], ["3", "0.75"]])
    }

    @Test func pixelLabelsAreCounted() throws {
        let title = "Cycles, scored"
        let without = try #require(table(title, on: full()))
        #expect(!without.header.contains("labeled pixels") && !without.header.contains("pixel loss"))
        func record(_ name: String, _ nuclei: Int) -> PixelLabelRecord {
            PixelLabelRecord(
                cycle: 1, filename: name, nuclei: nuclei, rejected: 1, nucleiShare: 0.1, backgroundShare: 0.8)
        }
        let page = try full(pixels: [record("a", 4), record("b", 0), record("c", 7)], pixelLoss: 0.8765)
        let cycles = try #require(table(title, on: page))
        let labeled = try #require(cycles.header.firstIndex(of: "labeled pixels"))
        #expect(cycles.rows.map { $0[labeled] } == ["none", "11 nuclei in 2 of 3 tiles"])
        let loss = try #require(cycles.header.firstIndex(of: "pixel loss"))
        #expect(cycles.rows.map { $0[loss] } == ["0.8765", "-"])
        let text = PageReader(page.html(missing)).text
        #expect(text.contains("lowers the loss of the pixels") && text.contains("pixel_labels.csv"))
    }

    @Test func unlabeledTilesHaveAColumnOfTheirOwn() throws {
        let data = try #require(table("Tiles by part", on: full()))
        #expect(data.header == ["part", "NO_NUCLEUS", "NUCLEI", "unlabeled", "groups"])
        #expect(data.rows.map { $0[0] } == ["training", "validation", "test", "unlabeled"])
        let counts: [String] = set.counts(of: split.train).map { "\($0)" }
        #expect(Array(data.rows[0][1...2]) == counts && data.rows[0][3] == "0")
        #expect(Array(data.rows[3][1...3]) == ["0", "0", "\(split.unlabeled.count)"])
        let groups = Set(split.train.compactMap { set.tiles[$0].group })
        #expect(!groups.isEmpty && data.rows[0].last == "\(groups.count)")
    }

    @Test func chartsShowTheKeptCycle() throws {
        let page = try full()
        func rows(_ title: String) throws -> [[String]] { try #require(chart(title, on: page)).numbers.rows }
        #expect(try rows("Loss") == [["1", "0.75", "0.8125"], ["2", "0.375", "0.8125"], ["3", "0.25", "0.8125"]])
        #expect(try rows("Accuracy")[2] == ["3", "0.5", "0.4375", "0.40625"])
        #expect(try rows("Gap between training and validation")[0] == ["1", "0.0625", "0.0625"])
        #expect(try rows("Learning rate")[0][1].hasPrefix("0.001"))
        #expect(chart("Overlap with outlines", on: page) == nil)
        #expect(try rows("ROC curve").first == ["0", "0"])
        #expect(try rows("Loss by cycle") == [["0", "0.5"], ["1", "0.625"]])
        let reliability = try #require(chart("Reliability", on: page))
        #expect(
            reliability.strip?.series.map { $0.points.reduce(0) { $0 + $1.y } } == [
                Double(split.test.count), Double(split.test.count),
            ])
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed")) func everythingIsDrawn() throws {
        let reader = PageReader(try full().html())
        #expect(reader.problem == nil && reader.brokenNames == [] && reader.outsideReferences == [])
        #expect(reader.all("svg").count == 10 && reader.all("p", kind: "problem").isEmpty)
        #expect(reader.all("div", kind: "drawing").allSatisfy { $0.attributes["aria-label"]?.isEmpty == false })
        #expect(reader.all("text").map(\.text).contains("best epoch 2"))
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed"), arguments: [1, 300])
    func runsOfAnyLengthAreDrawn(_ count: Int) throws {
        let basic = TrainingSettings(.basic, .lenet5)
        let split = try Split(set, basic.split)
        var record = record(basic, split, epochs: count)
        record.history[0].trainLoss = .nan
        let page = RunReport(
            record, set: set, split: split, logits: logits(split), scratch: temporaryFolder
        ).page()
        let html = page.html()
        let reader = PageReader(html)
        #expect(reader.problem == nil && reader.all("svg").count == 7 && reader.all("p", kind: "problem").isEmpty)
        #expect(reader.text.contains("and 250 more between these") == (count == 300))
        #expect(reader.text.contains("picked on the test tiles") && reader.text.contains("not calibrated"))
        #expect(chart("Gap between training and test", on: page) != nil)
    }

    /// Without tiles of both classes in the validation, no temperature is fitted.
    @Test func validationOfOneClassDoesNotCalibrate() throws {
        let some = split.validation.filter { set.tiles[$0].label == .nuclei }
        let oneClass = Split(
            train: split.train, validation: some, test: split.test, unlabeled: split.unlabeled)
        let report = RunReport(
            record(settings, oneClass), set: set, split: oneClass, logits: logits(oneClass), scratch: temporaryFolder)
        #expect(!some.isEmpty)
        let text = PageReader(report.page().html(missing)).text
        #expect(text.contains("not calibrated, because the validation tiles are of one class."))
    }

    @Test func largeSeedsAreExact() throws {
        var settings = settings
        (settings.seed, settings.split.seed) = (9_007_199_254_740_993, .max)
        let page = RunReport(
            record(settings, split), set: set, split: split, logits: logits(split), scratch: temporaryFolder
        ).page()
        let rows = try #require(table("Settings", on: page)).rows
        #expect(rows.contains(["seed", "9007199254740993"]) && rows.contains(["split.seed", "\(UInt64.max)"]))
    }

    @Test func oneClassAndNoMistakesAreFine() throws {
        let targets = split.test.map { _ in 1 }
        let logits = LabeledLogits(
            classes: TileLabel.names, rows: targets.flatMap { _ in [0, 3] as [Float] }, targets: targets)
        let page = RunReport(
            record(settings, split), set: set, split: split, logits: logits, scratch: temporaryFolder
        ).page()
        #expect(chart("ROC curve", on: page) == nil && chart("Reliability", on: page) != nil)
        #expect(PageReader(page.html(missing)).text.contains("None."))
        #expect(table("Scores", on: page)?.rows.first { $0[0] == "ROC-AUC" } == ["ROC-AUC", "-", "-"])
    }
}
