import Console
import Datasets
import Foundations
import Synchronization

extension TileSet {
    /// Reads a data set and shows the progress.
    init(showingProgress path: FilePath, target: TileTarget = TileTarget(), threads: Int) throws {
        let progress = Mutex(Progress("reading \(path)", unit: "images"))
        defer { Terminal.endProgress() }
        try self.init(path: path, target: target, threads: threads) { done, total in
            progress.withLock { $0.update(done, of: total) }
        }
    }
}
