import Datasets
import FoundationEssentials
import Foundations
import Glibc
import Imaging
import Masking
import NeuralNetworks
import Training

/// A kind of file that `fuzz-readers` damages. Any bytes are read, or refused by an error.
enum Target: String, CaseIterable {
    case model, labels, outlines, tiff, dicom, software, windows, nuclei, run, checkpoint, record, list, table, shapes

    /// The file with the bytes of an input, in a folder of its own. Without a temporary folder nothing can be fuzzed,
    /// so the program ends.
    private static let file: FilePath = {
        let folder = FilePath("\(FileManager.default.temporaryDirectory.path)/nuclei-fuzz-\(getpid())")
        try! FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
        return folder.appending("run.json")
    }()

    /// Reads an input. An error other than those of readers is a fault, and so is a value that is not written and read
    /// back as it was.
    func read(_ bytes: UnsafeRawBufferPointer) {
        do {
            switch self {
            case .model: _ = try Model(SafetensorsFile(Data(bytes), path: "input"))
            case .labels: _ = try LabelFile(text: String(decoding: bytes, as: UTF8.self), path: "input")
            case .outlines:
                try write(bytes)
                _ = try OutlineFile(Self.file)
                _ = try TissueMap(outline: Self.file, imageWidth: 3000, imageHeight: 2000)
            case .tiff:
                try write(bytes)
                let file = try FileDescriptor.open(Self.file, .readOnly)
                _ = try file.closeAfter { try TIFFDirectoryCheck.check(Self.file, file) }
            case .dicom: _ = DICOMSeries.identifier(in: Array(bytes))
            case .software:
                try write(bytes)
                _ = statedSoftware(of: Self.file)
            case .windows: try readWindows(bytes)
            case .nuclei: try readNuclei(bytes)
            case .run:
                try write(bytes)
                _ = try RunFolder(resuming: Self.file.removingLastComponent())
            case .checkpoint:
                // Its state is text in the metadata of a file of tensors, which `model` damages.
                let metadata = ["format": Checkpoint.format, "state": String(decoding: bytes, as: UTF8.self)]
                try SafetensorsFile.write([], metadata: metadata, to: Self.file)
                _ = try Checkpoint(path: Self.file)
            case .record:
                try write(bytes)
                _ = MaskRecord(reading: Self.file)
            case .list:
                try write(bytes)
                _ = try ImageList(Self.file)
            case .table:
                try write(bytes)
                _ = try SlideMap(Self.file, nil, width: 3000, height: 2000, stride: 128)
            case .shapes:
                try write(bytes)
                _ = try SlideShapes(nuclei: Self.file, squareMicrons: 0.0625)
            }
        } catch is FileError {
        } catch is DatasetError {
        } catch {
            fatalError("another error: \(error)")
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws {
        let file = try FileDescriptor.open(
            Self.file, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        _ = try file.closeAfter { try file.writeAll(bytes) }
    }

    /// A cache of ten windows in three blocks, with the bytes after its header.
    private func readWindows(_ bytes: UnsafeRawBufferPointer) throws {
        try write(UnsafeRawBufferPointer(start: nil, count: 0))
        let image = try ImageState("/dev/null")
        let identity = WindowCache.Identity(image: image, model: "model", windows: 10, layout: "layout")
        let empty = try WindowCache(Self.file, identity, blocks: 3)
        try overwrite(bytes, content: 4096, limit: empty.byteCount)
        try empty.readCompleteBlocks { block in Array(min(4 * block, 10)..<min(4 * block + 4, 10)) }
    }

    /// The bytes as those of a block, and as a cache after its header.
    private func readNuclei(_ bytes: UnsafeRawBufferPointer) throws {
        if let block = NucleusBlock(bytes: Array(bytes)) {
            precondition(NucleusBlock(bytes: block.bytes).map(\.bytes) == block.bytes)
        }
        try write(UnsafeRawBufferPointer(start: nil, count: 0))
        let identity = NucleusStore.Identity(
            image: try ImageState("/dev/null"), model: "model", blocks: 3, layout: "layout")
        do { _ = try NucleusStore(Self.file, identity) }
        try overwrite(bytes, content: 4096, limit: .max)
        let store = try NucleusStore(Self.file, identity)
        for block in 0..<3 where store.contains(block) { _ = try store.block(block) }
    }

    private func overwrite(_ bytes: UnsafeRawBufferPointer, content: Int, limit: Int) throws {
        let file = try FileDescriptor.open(Self.file, .writeOnly)
        let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(limit - content))
        _ = try file.closeAfter { try file.writeAll(toAbsoluteOffset: Int64(content), part) }
    }
}
