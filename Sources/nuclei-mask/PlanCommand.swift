import ArgumentParser
import Console
import Foundations
import Foundation
import Imaging
import Masking

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Tell what masking images would be, before anything runs.",
        discussion: """
            Takes what masking takes and opens every image: what would be read, how many windows there are and how many \
            have tissue, the time, memory and disk expected, and what would go wrong. Times are estimates from windows \
            computed, pixels decoded and rows of masks written now; --refine and --heatmap come on top. Nothing is written \
            that stays but the outline of the tissue, where --tissue-geojson asks for it.

            \(ExitStatus.helpForMany) Where something would go wrong: the status that masking would end with.
            """)

    @OptionGroup var options: MaskingOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            let job = try MaskingJob(options)
            if !json {
                job.reportLeftOut()
                Terminal.printLine("measuring \(job.model.path)")
            }
            let planner = try ImagePlanner(job)
            defer { planner.removeFolders() }
            var plans = [ImagePlan]()
            var progress = Progress("plan", unit: "images")
            for (index, image) in planner.job.images.enumerated() {
                try Interruption.check("interrupted")
                progress.update(index, of: planner.job.images.count)
                plans.append(planner.plan(image))
            }
            try json ? printJSON(plans, planner) : printTable(plans, planner)
            let failures = plans.flatMap(\.problems).map(\.exitStatus)
            let status = ExitStatus.combined(failures, isPartlyUnreadable: false)
            if status != .success { throw status }
        }
    }

    /// A problem, with the file that it is about where that is not the image.
    private func described(_ problem: FileError, _ plan: ImagePlan) -> String {
        problem.path == plan.image ? problem.problem : "\(problem)"
    }

    private struct Report: Encodable {
        let windowsPerSecond: Double
        let threads: Int
        let images: [ImagePlan]
        let seconds: Double
        let memoryBytes: Int?
        let outputBytes: Int
        let journalBytes: Int?
    }

    private func report(_ plans: [ImagePlan], _ planner: ImagePlanner) -> Report {
        let journals = plans.compactMap(\.journalBytes)
        return Report(
            windowsPerSecond: 1 / planner.rehearsal.secondsPerWindow, threads: options.threads.count, images: plans,
            seconds: plans.reduce(0) { $0 + ($1.seconds ?? 0) }, memoryBytes: plans.compactMap(\.memoryBytes).max(),
            outputBytes: plans.reduce(0) { $0 + ($1.outputBytes ?? 0) },
            journalBytes: options.outputs.keepProbabilities ? journals.reduce(0, +) : journals.max())
    }

    private func printJSON(_ plans: [ImagePlan], _ planner: ImagePlanner) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Terminal.printLine(String(decoding: try encoder.encode(report(plans, planner)), as: UTF8.self))
    }

    private func printTable(_ plans: [ImagePlan], _ planner: ImagePlanner) {
        var table = TextTable([
            ("image", .left), ("pixels", .right), ("levels", .right), ("mpp", .right), ("format", .left),
            ("read", .left), ("tissue", .right), ("windows", .right), ("to compute", .right), ("time", .right),
            ("memory", .right), ("journal", .right), ("files", .right),
        ])
        for (plan, name) in zip(plans, ImageSearch.shortNames(plans.map { FilePath($0.image) })) {
            let properties = plan.properties
            func bytes(_ count: Int?) -> String { count.map { "\(ByteCount($0))" } ?? "" }
            table.append([
                name, properties.map { "\($0.width) x \($0.height)" } ?? "",
                properties?.levels.map { "\($0.count)" } ?? "",
                properties?.micronsPerPixel.map { String(format: "%.3f", ($0.x + $0.y) / 2) } ?? "",
                properties.map { $0.vendor ?? "image" } ?? "", plan.reading ?? "",
                plan.tissueShare.map { String(format: "%.1f %%", $0 * 100) } ?? (properties == nil ? "" : "all"),
                plan.windows.map(String.init) ?? "", plan.windowsToCompute.map(String.init) ?? "",
                plan.seconds.map(Progress.clock) ?? "", bytes(plan.memoryBytes), bytes(plan.journalBytes),
                bytes(plan.outputBytes),
            ])
        }
        for line in table.lines { Terminal.printLine(line) }
        Terminal.printLine()
        for plan in plans {
            for note in plan.notes { Terminal.printLine("\(plan.image): \(note)") }
            for problem in plan.problems {
                Terminal.printLine("\(plan.image): would fail: \(described(problem, plan))")
            }
        }
        let total = report(plans, planner)
        let windows = plans.reduce(0) { $0 + ($1.windowsToCompute ?? 0) }
        if plans.contains(where: { !$0.notes.isEmpty || !$0.problems.isEmpty }) { Terminal.printLine() }
        Terminal.printLine(
            String(
                format: "time: about %@, an estimate: %d windows at %.0f windows/s, measured now on %d %@",
                Progress.clock(total.seconds), windows, total.windowsPerSecond, total.threads,
                total.threads == 1 ? "thread" : "threads"))
        if let memory = total.memoryBytes, let journal = total.journalBytes {
            Terminal.printLine(
                "memory: about \(ByteCount(memory)); disk: about \(ByteCount(total.outputBytes)) of files, "
                    + "\(ByteCount(journal)) of probabilities"
                    + (options.outputs.keepProbabilities ? "" : " while windows are computed"))
        }
        let failing = plans.count { !$0.problems.isEmpty }
        Terminal.printLine(
            failing == 0
                ? "nothing was found that would go wrong"
                : "\(failing) of \(plans.count) \(plans.count == 1 ? "image" : "images") would go wrong")
    }
}
