import ArgumentParser
import Console
import Datasets
import Foundations
import Synchronization

struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a data set of images with outlines of nuclei.",
        discussion: """
            A folder SOURCE has images and their label images (0 for background and n for nucleus n, or masks): a_labels.png \
            or a_mask.png beside a.jpg, or in the folder --masks. Its folders are groups.

            An image or slide SOURCE is cut into tiles with --outlines, a GeoJSON file such as a QuPath export: where \
            annotations have the class --tile-class, or with --grid all over the tissue. All nuclei in the tiles must be \
            outlined: what has no outline becomes background.

            OUT gets the images, label images of 16 bits, import.json with the settings, and at the end labels.csv. An \
            interrupted import is continued by the same command.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder of images, or an image or slide.")
    var source: FilePath

    @Argument(help: "Folder of the data set, new or empty.")
    var out: FilePath

    @Option(help: "Folder of the label images, which may be named like their images (default: SOURCE).")
    var masks: FilePath?

    @Option(help: "GeoJSON file with outlines of nuclei in an image or slide.")
    var outlines: FilePath?

    @Option(help: "Class of the annotations to cut, rectangles; a pattern, may be repeated (default: Region*).")
    var tileClass = [String]()

    @Option(
        help: """
            Class of the nuclei; a pattern, may be repeated (default: all detections and cells, and classes that begin with \
            Nucle).
            """)
    var nucleusClass = [String]()

    @Flag(help: "Cut tiles all over the tissue, in which all nuclei are outlined.")
    var grid = false

    @Option(help: "Largest side of a tile to cut in pixels (default: 1024).")
    var cutSize: Int?

    @Option(help: "Group of all images (default: the folder of each, or the name of the image that is cut).")
    var group: String?

    @Option(name: .customLong("mpp"), help: "Microns per pixel (default: what the files state).")
    var micronsPerPixel: Double?

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var messages: MessageOptions

    func validate() throws {
        let range = plausibleMicronsPerPixel
        try require(
            micronsPerPixel.map(range.contains) ?? true, "--mpp", "\(range.lowerBound) to \(range.upperBound)",
            found: micronsPerPixel ?? 0)
        try require(64...8192 ~= cutSize ?? 64, "--cut-size", "64 to 8192", found: cutSize ?? 0)
        try require(
            !(group ?? "").contains(where: \.isNewline), "--group", "a name within one line", found: "a line break")
        try require(!grid || tileClass.isEmpty, "--grid", "no --tile-class", found: "--tile-class")
        try require(outlines == nil || masks == nil, "--outlines", "no --masks", found: "--masks")
        guard outlines == nil else { return }
        let needing: [(String, Bool)] = [
            ("--tile-class", !tileClass.isEmpty), ("--nucleus-class", !nucleusClass.isEmpty), ("--grid", grid),
            ("--cut-size", cutSize != nil),
        ]
        for (name, isGiven) in needing {
            try require(!isGiven, name, "--outlines with it", found: "none")
        }
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            messages.apply()
            let progress = Mutex(Progress("import", unit: "images"))
            @Sendable func afterEach(_ done: Int, _ total: Int) throws {
                progress.withLock { $0.update(done, of: total) }
                try Interruption.check("interrupted; the same command continues")
            }
            defer { Terminal.endProgress() }
            if let outlines {
                try importOutlines(outlines, afterEach)
            } else {
                try importFolder(afterEach)
            }
        }
    }

    private func importFolder(_ afterEach: @Sendable (Int, Int) throws -> Void) throws {
        guard !source.isFile else {
            throw FileError(
                source, expected: "a folder of images, or --outlines with an image to cut", found: "a file alone")
        }
        let made = try LabelFolderImport(images: source, masks: masks, group: group, micronsPerPixel: micronsPerPixel)
            .write(to: out, threads: threads.count, afterEach: afterEach)
        Terminal.endProgress()
        if made.unlabeled > 0 {
            Terminal.warn("\(made.unlabeled) of \(made.images) images have no label image and stay unlabeled")
        }
        Terminal.printLine(
            "\(out): \(made.images.counted("image")), \(made.nuclei.counted("nucleus", plural: "nuclei"))")
    }

    private func importOutlines(_ outlines: FilePath, _ afterEach: @Sendable (Int, Int) throws -> Void) throws {
        let made = try OutlineImport(
            image: source, outlines: outlines, tileClasses: tileClass.isEmpty ? ["Region*"] : tileClass,
            nucleusClasses: nucleusClass, isGrid: grid, tileSize: cutSize ?? 1024, group: group,
            micronsPerPixel: micronsPerPixel
        ).write(to: out, threads: threads.count, afterEach: afterEach)
        Terminal.endProgress()
        if let others = made.others {
            Terminal.warn(
                "\(outlines): outlines in the tiles that are no nuclei become background: \(others) (see --nucleus-class)"
            )
        }
        Terminal.printLine(
            "\(out): \(made.tiles.counted("tile")), \(made.emptyTiles) without nuclei, "
                + made.nuclei.counted("nucleus", plural: "nuclei"))
    }
}
