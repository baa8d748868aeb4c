import Files
import Foundation

extension ProbabilityGrid {
    /// Writes a CSV with a row for each window: its place and size in level-0 pixels, and its probability of nuclei.
    /// A window may reach beyond an image that was padded.
    package func writeTable(to file: AtomicFile) throws(FileError) {
        var text = "x,y,width,height,probability\n"
        var index = 0
        for y in grid.rows.starts {
            for x in grid.columns.starts {
                text += "\(x),\(y),\(grid.tile),\(grid.tile),\(values[index])\n"
                index += 1
            }
            if text.utf8.count >= 1 << 16 {
                try file.write(Data(text.utf8))
                text = ""
            }
        }
        try file.write(Data(text.utf8))
        try file.commit()
    }
}
