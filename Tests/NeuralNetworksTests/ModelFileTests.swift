import Foundation
import Foundations
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct ModelFileTests {
    let folder: TemporaryFolder
    let path: String
    let description = ModelDescription(
        architecture: .lenet5, tileSize: 32, classes: TileClass.allCases.map(\.rawValue),
        statistics: ChannelStatistics(mean: [1, 2, 3], deviation: [4, 5, 6]), micronsPerPixel: 0.25, dropout: 0.5)

    init() throws {
        folder = try TemporaryFolder()
        path = "\(folder.path)/model.safetensors"
    }

    func written() throws -> Model {
        let model = try Model(description, records: ["history": "[]", "settings": "{\"epochs\":1}"])
        try model.network.initialize(seed: 3)
        try model.write(to: FilePath(path))
        return model
    }

    @Test func modelsSurviveARoundTrip() throws {
        let model = try written()
        let read = try Model(path: FilePath(path))
        #expect(read.description == model.description)
        #expect(read.records == model.records)
        try compareStates(read, model)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path.string) == ["model.safetensors"])
    }

    private func compareStates(_ read: Model, _ written: Model) throws {
        #expect(read.network.state.layout == written.network.state.layout)
        for (one, other) in zip(read.network.state.named, written.network.state.named) {
            try compareBits(one.name, one.tensor.values, other.tensor.values)
        }
    }

    /// Large tensors refer to the mapped file, even after it has been deleted. Writing to them does not change the file.
    @Test func largeTensorsAreMapped() throws {
        let model = try written()
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let file = try SafetensorsFile(path: FilePath(path))
        let read = try Model(file)
        let (weight, bias) = (read.network.state["fc1.weight"]!, read.network.state["conv1.bias"]!)
        weight[17] = 5
        bias[1] = 5
        #expect(file.tensor("fc1.weight")[17] == 5)
        #expect(file.tensor("conv1.bias")[1] == model.network.state["conv1.bias"]![1])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        let other = try Model(path: FilePath(path))
        try FileManager.default.removeItem(atPath: path)
        try compareStates(other, model)
    }

    /// Files of other programs may have tensors in any order and without alignment.
    @Test func tensorsNeedNoAlignment() throws {
        let model = try written()
        let content = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = Int(content[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        var header = try #require(
            JSONSerialization.jsonObject(with: content[8..<8 + length]) as? [String: [String: Any]])
        var data = Data()
        for (name, tensor) in model.network.state.named {
            header[name]!["data_offsets"] = [data.count, data.count + 4 * tensor.count]
            tensor.withUnsafeBuffer { data.append(contentsOf: UnsafeRawBufferPointer($0)) }
        }
        let json = String(decoding: try JSONSerialization.data(withJSONObject: header), as: UTF8.self)
        for padding in 0..<5 {
            try (file(json + String(repeating: " ", count: padding)) + data).write(to: URL(fileURLWithPath: path))
            let read = try Model(path: FilePath(path))
            #expect(read.description == model.description)
            try compareStates(read, model)
        }
    }

    /// Other programs rely on aligned tensors without gaps, and on the names of PyTorch.
    @Test func filesAreValidSafetensors() throws {
        let model = try written()
        let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        let length = Int(bytes[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        #expect((8 + length) % 64 == 0)
        let file = try SafetensorsFile(path: FilePath(path))
        let ranges = file.entries.values.map(\.range).sorted { $0.lowerBound < $1.lowerBound }
        #expect(ranges[0].lowerBound == 0)
        for (range, next) in zip(ranges, ranges.dropFirst()) { #expect(range.upperBound == next.lowerBound) }
        #expect(8 + length + ranges[ranges.count - 1].upperBound == bytes.count)
        for entry in file.entries.values where entry.range.count % 64 == 0 {
            #expect(entry.range.lowerBound % 64 == 0)
        }
        #expect(Set(file.entries.keys) == Set(model.network.parameters.layout.names))
        #expect(file.entries["conv2.weight"]?.shape == [16, 6, 5, 5])
        #expect(file.metadata["format"] == "nuclei-model-1")
    }

    /// The header and the bytes after it of the file that was written last.
    private func parts() throws -> (header: [String: Any], data: Data) {
        let content = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = Int(content[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        let header = try JSONSerialization.jsonObject(with: content[8..<8 + length]) as? [String: Any]
        return (try #require(header), content.dropFirst(8 + length))
    }

    /// The file that was written last, with the checksum under a name that is not read.
    func withoutChecksum() throws -> Data {
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        data.replaceSubrange(try #require(data.range(of: Data("sha256".utf8))), with: Data("sha---".utf8))
        return data
    }

    private func write(_ header: [String: Any], _ data: Data) throws {
        let json = String(decoding: try JSONSerialization.data(withJSONObject: header), as: UTF8.self)
        try (file(json) + data).write(to: URL(fileURLWithPath: path))
    }

    @Test func changedTensorsAreNoticed() throws {
        _ = try written()
        var (header, data) = try parts()
        var metadata = try #require(header["__metadata__"] as? [String: String])
        #expect(metadata["sha256"]?.count == 64)
        data[data.startIndex + 5000] ^= 1
        try write(header, data)
        let error = #expect(throws: FileError.self) { _ = try Model(path: FilePath(path)) }
        #expect(error?.kind == .malformed && error?.problem.contains("SHA-256") == true)
        // Files without a checksum are accepted.
        metadata["sha256"] = nil
        header["__metadata__"] = metadata
        try write(header, data)
        #expect(try Model(path: FilePath(path)).records["sha256"] == nil)
    }

    /// PyTorch stores the number of steps of each batch normalization.
    @Test func batchCountersAreLeftOut() throws {
        let model = try written()
        var (header, data) = try parts()
        for name in ["num_batches_tracked", "bn1.num_batches_tracked"] {
            header[name] = ["dtype": "I64", "shape": [Int](), "data_offsets": [data.count, data.count + 8]]
            data.append(contentsOf: [100, 0, 0, 0, 0, 0, 0, 0])
        }
        try write(header, data)
        try compareStates(Model(path: FilePath(path)), model)
        header["other"] = ["dtype": "I64", "shape": [Int](), "data_offsets": [data.count, data.count + 8]]
        try write(header, data + Data(count: 8))
        #expect(throws: FileError.self) { _ = try Model(path: FilePath(path)) }
    }

    @Test func resolutionsOutOfRangeThrow() throws {
        for resolution in [-1, 0, 1e-300, 0.049, 20.1, 1e200] {
            var description = description
            description.micronsPerPixel = resolution
            try Model(description).write(to: FilePath(path))
            let error = #expect(throws: FileError.self) { _ = try Model(path: FilePath(path)) }
            #expect(error?.problem == "expected 0.05 to 20.0 microns per pixel, found \(resolution)")
        }
    }

    @Test func oddTilesOfNetworksThatOutlineNucleiThrow() throws {
        var description = description
        (description.architecture, description.tileSize) = (.unet, 127)
        try Model(description).write(to: FilePath(path))
        let error = #expect(throws: FileError.self) { _ = try Model(path: FilePath(path)) }
        #expect(error?.problem == "expected an even tile size for outlines of nuclei, found 127")
    }

    @Test func buffersAreStoredAndRequired() throws {
        var description = description
        description.architecture = .compact
        let model = try Model(description)
        try model.network.initialize(seed: 4)
        for (name, tensor) in model.network.state.named where name.contains("running") {
            tensor.copy(from: Tensor(tensor.shape, Formula.values(seed: 6, count: tensor.count).map { $0 + 2 }))
        }
        try model.write(to: FilePath(path))
        let read = try Model(path: FilePath(path))
        #expect(read.description == description)
        try compareStates(read, model)
        let file = try SafetensorsFile(path: FilePath(path))
        #expect(file.entries["layer2.0.downsample.1.running_var"]?.shape == [48])
        #expect(Set(file.entries.keys) == Set(model.network.state.layout.names))

        let whole = try withoutChecksum()
        func changed(_ from: String, _ to: String) throws -> String {
            precondition(from.utf8.count == to.utf8.count)
            var data = whole
            data.replaceSubrange(try #require(whole.range(of: Data(from.utf8))), with: Data(to.utf8))
            return try message(data) { _ = try Model(path: FilePath($0)) }
        }
        let name = "model.safetensors: expected"
        #expect(
            try changed("layer1.0.bn2.running_mean", "layer1.0.bn2.running_meen")
                == "\(name) tensor layer1.0.bn2.running_mean (24), found no such tensor")
        // Exchanges the names of two tensors with different shapes.
        let (short, long) = ("layer1.0.bn2.running_mean", "layer3.0.bn2.running_mean")
        var data = whole
        for (from, to) in [(short, "layer?.0.bn2.running_mean"), (long, short), ("layer?.0.bn2.running_mean", long)] {
            data.replaceSubrange(try #require(data.range(of: Data(from.utf8))), with: Data(to.utf8))
        }
        #expect(
            try message(data) { _ = try Model(path: FilePath($0)) }
                == "\(name) tensor \(short) as F32 24, found F32 96")
        let variance = "layer3.0.downsample.1.running_var"
        let dataBytes = try #require(file.entries.values.map(\.range.upperBound).max())
        let last = whole.count - dataBytes + file.entries[variance]!.range.upperBound
        data = whole
        // Not a number, and -1.
        for bytes: [UInt8] in [[0, 0, 0xC0, 0x7F], [0, 0, 0x80, 0xBF]] {
            data.replaceSubrange(last - 4..<last, with: bytes)
            #expect(
                try message(data) { _ = try Model(path: FilePath($0)) }
                    == "\(name) finite weights, and variances of 0 or more, found another value in \(variance)")
        }
    }

    @Test func invalidDescriptionsThrow() throws {
        _ = try written()
        let whole = try withoutChecksum()
        /// The error for the file with a part of its description replaced by a text of the same length.
        func changed(_ from: String, _ to: String) throws -> String {
            precondition(from.utf8.count == to.utf8.count)
            var data = whole
            data.replaceSubrange(try #require(whole.range(of: Data(from.utf8))), with: Data(to.utf8))
            return try message(data) { _ = try Model(path: FilePath($0)) }
        }
        let name = "model.safetensors: expected"
        #expect(try changed("[4,5,6]", "[4,0,6]").hasPrefix("\(name) means of 0 to 255 and deviations of 0.01 to 255"))
        #expect(try changed("[1,2,3]", "[1,2  ]").hasPrefix("\(name) means of 0 to 255"))
        #expect(
            try changed("\\\"NO_NUCLEUS\\\",", "\\\"NUCLEI\\\"    ,")
                == "\(name) two or more classes with different names, found NUCLEI, NUCLEI")
        #expect(
            try changed("lenet5", "lenet9").hasPrefix(
                "\(name) a model description that this version supports, found another (architecture: "))
    }

    /// Scales that follow from other ranges than these would be 0 or infinite.
    @Test func impossibleRecordsOfFixedPointThrow() throws {
        let path: FilePath = "\(folder.path)/model.safetensors"
        func problem(_ ranges: [String: Float], _ change: (inout FixedPointRecord) -> Void = { _ in }) throws -> String
        {
            var model = try Model(description)
            var record = FixedPointRecord(ranges: ranges)
            change(&record)
            model.description.fixedPoint = record
            try model.write(to: path)
            let error = #expect(throws: FileError.self) { _ = try Model(path: path) }
            return error?.problem ?? ""
        }
        let expected =
            "expected ranges of 0 or 1e-20 to 1e20, and changes of 0 to 1, in fixedPoint, found other numbers"
        for range: Float in [-1, .leastNonzeroMagnitude, 1e-30, 3e38] {
            #expect(try problem(["conv": 1, "add": range]) == expected)
        }
        let changes: [(inout FixedPointRecord) -> Void] = [
            { $0.changedDecisions = 1 }, { $0.changedDecisions = -1 }, { $0.tiles = -1 }, { $0.largestChange = 1.5 },
            { $0.largestChange = -0.1 },
        ]
        for change in changes { #expect(try problem(["conv": 1], change) == expected) }
        var model = try Model(description)
        model.description.fixedPoint = FixedPointRecord(ranges: ["conv": 0, "add": 1e-3])
        try model.write(to: path)
        #expect(try Model(path: path).description.fixedPoint == model.description.fixedPoint)
    }

    @Test func writingToAMissingFolderThrows() throws {
        let model = try Model(description)
        let error = #expect(throws: FileError.self) { try model.write(to: "\(folder.path)/no/such/model.safetensors") }
        #expect(error?.kind == .unwritable)
    }
}
