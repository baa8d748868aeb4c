import Foundations

/// The outcome for each image of a command, as a table for people and as CSV for programs.
package struct RunSummary: Sendable {
    package enum State: String, Sendable {
        /// Not started yet.
        case waiting
        case done
        /// Finished before.
        case skipped
        /// Done, now or before, but no pixel of the mask has a probability.
        case empty
        case failed
        /// Another process has the image.
        case busy
        case interrupted
        /// Has no record of a finished mask.
        case missing
    }

    package struct Row: Sendable {
        package let image: String
        package let mask: String
        package fileprivate(set) var state = State.waiting
        package fileprivate(set) var record: MaskRecord?
        package fileprivate(set) var problem: String?
        /// Nil where windows are classified, and where the mask says nothing about nuclei.
        fileprivate var nuclei: NucleusCounts? { record.flatMap { $0.isEmpty ? nil : $0.nuclei } }
        /// The row in the CSV. It is cached because the file is written many times.
        fileprivate var line = ""
    }

    package private(set) var rows: [Row]
    /// Of a summary of records: those that are cut short, where they may explain a missing mask.
    package internal(set) var damagedRecords = [FilePath]()
    /// Of a summary of records: all masks and records that were found.
    package internal(set) var files = [FilePath]()

    package init(_ images: [(image: FilePath, mask: FilePath)]) {
        rows = images.map { Row(image: $0.image.string, mask: $0.mask.string) }
        for index in rows.indices { rows[index].line = Self.line(rows[index]) }
    }

    /// Records that an image has its mask, made now or found.
    package mutating func finish(_ index: Int, _ record: MaskRecord, wasFound: Bool) {
        rows[index].state = record.isEmpty ? .empty : wasFound ? .skipped : .done
        rows[index].record = record
        let problems = (record.unreadableParts.map { ["\($0) could not be read"] } ?? []) + (record.warnings ?? [])
        rows[index].problem = problems.isEmpty ? nil : problems.joined(separator: "; ")
        rows[index].line = Self.line(rows[index])
    }

    /// Records that an image has no mask. `problem` is one line.
    package mutating func stop(_ index: Int, _ state: State, _ problem: String) {
        rows[index].state = state
        rows[index].problem = problem
        rows[index].line = Self.line(rows[index])
    }

    package func count(_ state: State) -> Int { rows.count { $0.state == state } }

    /// Whether parts of any image could not be read.
    package var hasUnreadableParts: Bool { rows.contains { $0.record?.unreadableParts != nil } }

    package static let header = [
        "image", "state", "windows", "predicted", "background", "outside", "unreadable", "nuclei_count",
        "nuclei_per_mm2", "nuclei_share", "nuclei_mm2", "no_nuclei_mm2", "background_mm2", "outside_mm2",
        "unreadable_mm2", "seconds", "mask", "problem",
    ]

    /// A row for each image, with the columns of `header` (RFC 4180 with Unix line ends). Windows and areas are empty
    /// without a mask, areas also if the resolution is unknown. Seconds are those of predicting and writing.
    package var csv: String { csvLine(Self.header) + rows.map(\.line).joined() }

    private static func line(_ row: Row) -> String {
        var cells = [row.image, row.state.rawValue]
        if let record = row.record {
            let (windows, coverage) = (record.windows, record.coverage)
            let counts = [
                windows.count, windows.predicted, windows.withoutTissue, windows.outside, windows.unreadable,
            ]
            let areas = [
                coverage.nuclei, coverage.noNuclei, coverage.withoutTissue, coverage.outside, coverage.unreadable,
            ]
            // An empty mask says nothing about nuclei, not that there are none.
            cells += counts.map(String.init)
            cells += nucleusCells(row, decimals: 3)
            cells.append(record.isEmpty ? "" : String(coverage.nuclei.share, decimals: 6))
            cells += areas.enumerated().map { index, area in
                if record.isEmpty, index < 2 { return "" }
                return area.squareMillimeters.map { String($0, decimals: 6) } ?? ""
            }
            cells.append(String(record.seconds.predicting + record.seconds.writing, decimals: 3))
        } else {
            cells += [String](repeating: "", count: 14)
        }
        return csvLine(cells + [row.record == nil ? "" : row.mask, row.problem ?? ""])
    }

    /// The number and the density of nuclei; empty where they are not known, as the density at an assumed resolution.
    private static func nucleusCells(_ row: Row, decimals: Int) -> [String] {
        let density = row.record?.coverage.nuclei.squareMillimeters == nil ? nil : row.nuclei?.perSquareMillimeter
        return [row.nuclei.map { "\($0.nuclei)" } ?? "", density.map { String($0, decimals: decimals) } ?? ""]
    }

    /// Lines of a table with the most important columns.
    package var table: [String] {
        let hasAreas = rows.contains { $0.record?.coverage.nuclei.squareMillimeters != nil }
        let hasGaps = hasUnreadableParts
        let hasNuclei = rows.contains { $0.record?.nuclei != nil }
        var table = TextTable(
            [("image", .left), ("state", .left), ("windows", .right), ("predicted", .right)]
                + (hasGaps ? [("unreadable", .right)] : [])
                + (hasNuclei ? [("nuclei", .right), ("per mm²", .right)] : []) + [("covered", .right)]
                + (hasAreas ? [("covered mm²", .right)] : []) + [("seconds", .right)])
        for (row, name) in zip(rows, ImageSearch.shortNames(rows.map { FilePath($0.image) })) {
            var cells = [name, row.state.rawValue]
            if let record = row.record {
                let nuclei = record.coverage.nuclei
                cells += ["\(record.windows.count)", "\(record.windows.predicted)"]
                if hasGaps { cells.append("\(record.windows.unreadable)") }
                if hasNuclei { cells += Self.nucleusCells(row, decimals: 0) }
                cells.append(record.isEmpty ? "" : "\(String(nuclei.share * 100, decimals: 2)) %")
                if hasAreas {
                    let area = record.isEmpty ? nil : nuclei.squareMillimeters
                    cells.append(area.map { String($0, decimals: 3) } ?? "")
                }
                cells.append(String(record.seconds.predicting + record.seconds.writing, decimals: 1))
            } else {
                cells += [String](
                    repeating: "", count: 4 + (hasGaps ? 1 : 0) + (hasNuclei ? 2 : 0) + (hasAreas ? 1 : 0))
            }
            table.append(cells)
        }
        return table.lines
    }

    /// The number of images in each state: "2 done, 1 failed".
    package var counts: String {
        let states = [State.done, .skipped, .empty, .failed, .busy, .interrupted, .waiting, .missing]
        return states.filter { count($0) > 0 }.map { "\(count($0)) \($0.rawValue)" }.joined(separator: ", ")
    }

    /// Throws `unwritable` where the file exists and is not a summary.
    package static func requireReplaceable(_ path: FilePath) throws(FileError) {
        guard path.exists else { return }
        // Versions add columns after these.
        let expected = (header.prefix(7).joined(separator: ",") + ",").utf8
        let start = try FileError.writing(path) {
            let file = try FileDescriptor.open(path, .readOnly, options: [.nonBlocking, .closeOnExec])
            return try file.closeAfter {
                try [UInt8](unsafeUninitializedCapacity: expected.count) { buffer, count in
                    count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
                }
            }
        }
        guard start.elementsEqual(expected) else {
            throw FileError(path, .unwritable, "expected a summary of masks to replace, found another file (--summary)")
        }
    }
}
