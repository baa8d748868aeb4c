import Console
import Datasets
import Foundations
import Synchronization

extension TileSet {
    /// Reads a data set and shows the progress.
    init(showingProgress path: FilePath, threads: Int) throws {
        let progress = Mutex(Progress("reading \(path)", unit: "tiles"))
        defer { Terminal.endProgress() }
        try self.init(path: path, threads: threads) { done, total in
            progress.withLock { $0.update(done, of: total) }
        }
    }
}
