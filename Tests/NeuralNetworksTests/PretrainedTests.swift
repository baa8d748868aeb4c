import Foundation
import Foundations
import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// Weights of published networks, in files of tensors alone.
@Suite(.kernelTurns) struct PretrainedTests {
    private let folder: TemporaryFolder
    private let path: FilePath

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("weights.safetensors")
    }

    private func network(classes: Int = 2, seed: UInt64) throws -> Network {
        let network = try Network(
            Architecture.resnet18Graph(widths: [2, 3, 2, 4], classes: classes, dropout: 0), inputShape: [3, 32, 32])
        try network.initialize(seed: seed)
        return network
    }

    /// A tensor of a file: its type, its shape and its bytes.
    private struct Entry {
        var type: String
        var shape: [Int]
        var bytes: Data
    }

    private func entries(_ network: Network, as type: String = "F32") -> [String: Entry] {
        var entries = [String: Entry]()
        for (name, tensor) in network.state.named {
            var bytes = Data()
            for value in tensor.values {
                switch type {
                case "F16": withUnsafeBytes(of: Float16(value).bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
                case "BF16":
                    withUnsafeBytes(of: UInt16(value.bitPattern >> 16).littleEndian) { bytes.append(contentsOf: $0) }
                default: withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
                }
            }
            entries[name] = Entry(type: type, shape: tensor.shape.dimensions, bytes: bytes)
        }
        return entries
    }

    private func write(_ entries: [String: Entry]) throws {
        var header: [String: Any] = ["__metadata__": ["format": "pt"]]
        var data = Data()
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            header[name] = [
                "dtype": entry.type, "shape": entry.shape,
                "data_offsets": [data.count, data.count + entry.bytes.count],
            ]
            data += entry.bytes
        }
        let json = try JSONSerialization.data(withJSONObject: header)
        let length = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
        try (length + json + data).write(to: URL(fileURLWithPath: path.string))
    }

    private func load(into network: Network, keepsHead: Bool = false) throws -> Bool {
        try network.load(pretrained: SafetensorsFile(path: path), keepsHead: keepsHead)
    }

    @Test(arguments: ["F32", "F16", "BF16"]) func floatsOfAllSizesAreRead(type: String) throws {
        let published = try network(seed: 1)
        try write(entries(published, as: type))
        let ours = try network(seed: 2)
        #expect(try load(into: ours))
        for (one, other) in zip(ours.state.named, published.state.named) {
            let expected = other.tensor.values.map { value in
                switch type {
                case "F16": Float(Float16(value))
                case "BF16": Float(bitPattern: value.bitPattern & 0xFFFF_0000)
                default: value
                }
            }
            try compareBits(one.name, one.tensor.values, expected)
        }
    }

    @Test func aHeadOfAnotherShapeKeepsItsValues() throws {
        let published = try network(classes: 1000, seed: 1)
        var file = entries(published)
        file["bn1.num_batches_tracked"] = Entry(type: "I64", shape: [], bytes: Data(count: 8))
        func check(_ file: [String: Entry], keepsHead: Bool = false) throws {
            try write(file)
            let (ours, before) = (try network(seed: 2), try network(seed: 2))
            #expect(try !load(into: ours, keepsHead: keepsHead))
            for (name, tensor) in ours.state.named {
                let expected = try #require((name.hasPrefix("fc.") ? before : published).state[name])
                try compareBits(name, tensor.values, expected.values)
            }
        }
        try check(file)
        // A file without a head, with half of it, and with one that is not wanted.
        file["fc.bias"] = nil
        try check(file)
        file["fc.weight"] = nil
        try check(file)
        try check(
            file.merging(entries(try network(seed: 3)).filter { $0.key.hasPrefix("fc.") }) { $1 }, keepsHead: true)
    }

    @Test func filesThatDoNotFitAreExplained() throws {
        let file = entries(try network(seed: 1))
        func problem(_ change: (inout [String: Entry]) -> Void) throws -> String? {
            var changed = file
            change(&changed)
            try write(changed)
            let ours = try network(seed: 2)
            let error = #expect(throws: FileError.self) { _ = try load(into: ours) }
            #expect(error?.path == path.string && error?.kind == .malformed)
            return error?.problem
        }
        #expect(
            try problem { $0["layer3.0.conv1.weight"] = nil }
                == "expected tensor layer3.0.conv1.weight (2x3x3x3), found no such tensor")
        #expect(
            try problem { $0["conv1.weight"]?.shape = [2, 7, 7, 3] }
                == "expected tensor conv1.weight as F32, F16 or BF16 2x3x7x7, found F32 2x7x7x3")
        #expect(
            try problem { $0["bn1.bias"] = Entry(type: "F64", shape: [2], bytes: Data(count: 16)) }
                == "expected tensor bn1.bias as F32, F16 or BF16 2, found F64 2")
        #expect(
            try problem { $0["layer1.2.bn1.bias"] = Entry(type: "F32", shape: [2], bytes: Data(count: 8)) }
                == "expected no tensors but those of the network, found layer1.2.bn1.bias")
        #expect(
            try problem { $0["bn1.running_var"]?.bytes = Data([0, 0, 0xC0, 0x7F, 0, 0, 0xC0, 0x7F]) }
                == "expected finite weights, and variances of 0 or more, found another value in bn1.running_var")
    }
}
