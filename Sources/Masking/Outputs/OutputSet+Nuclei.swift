extension OutputSet {
    /// Writes the content of all files except the record, from nuclei. With `within`, the mask has regions: what is
    /// within so many microns of a nucleus. Nothing appears before the files are finished.
    func write(
        _ nuclei: NucleiResult, within: Double? = nil, _ progress: OutputProgress
    ) throws -> MaskResults {
        for (_, output) in outputs { try output.write(nuclei, progress) }
        var results = MaskResults(summary: MaskSummary(width: nuclei.width, height: nuclei.height))
        let count = try nuclei.forEachNucleus {
            try progress("nuclei", $0, nuclei.grid.count)
        } _: { id, nucleus in
            for (_, output) in outputs { try output.add(nucleus, id: id) }
        }
        func add(_ band: MaskBand) throws {
            results.summary.add(band)
            for (_, output) in outputs { try output.add(band) }
        }
        func report(_ row: Int) throws { try progress("mask", row, nuclei.height) }
        if let within {
            try nuclei.forEachRegionBand(within: within, afterRows: report, add)
        } else {
            try nuclei.forEachBand(afterRows: report, add)
        }
        results.counts = NucleusCounts(count, results.summary, micronsPerPixel: nuclei.micronsPerPixel)
        return results
    }
}
