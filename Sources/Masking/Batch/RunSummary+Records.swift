import Foundations

extension RunSummary {
    /// The masks in a folder and in the folders inside it, by their records and locks. No image is opened.
    ///
    /// With a list, there is a row for each of its images, and masks of other images are left out. A record belongs to an
    /// image by its path or, where tasks gave the image another path, by a file name that occurs once in the list and once
    /// among the other records.
    ///
    /// Throws `unreadable` where a folder cannot be read or, without a list, where it has no records.
    package init(recordsIn folder: FilePath, list: ImageList?) throws(FileError) {
        var found = FoundMasks()
        try found.search(folder)
        if list == nil, found.masks.isEmpty, found.damaged.isEmpty {
            throw FileError(folder, .unreadable, "expected a folder with records of masks, found none")
        }
        let rows = list.map { found.rows(of: $0.images) } ?? found.rows
        self.init(rows.map { ($0.image, $0.mask?.path ?? "") })
        // A damaged record does not tell its image.
        if list == nil || rows.contains(where: { $0.mask == nil }) { damagedRecords = found.damaged }
        files = found.masks.flatMap { [$0.path, MaskRecord.path(ofMask: $0.path)] } + found.damaged
        for (index, row) in rows.enumerated() { add(row.mask, at: index, folder) }
    }

    private mutating func add(_ mask: FoundMasks.Mask?, at index: Int, _ folder: FilePath) {
        switch mask?.content {
        case nil: stop(index, .missing, "no record in \(folder)")
        case .record(let record):
            let path = mask?.path ?? ""
            let (stated, found) = (record.digests?[OutputKind.mask.rawValue]?.bytes, try? path.stat().size)
            switch found.map({ Int($0) }) {
            case nil: stop(index, .missing, "its record exists, but its mask \(path) does not")
            case let found? where found != stated ?? found:
                stop(index, .missing, "its record states \(stated!) bytes of its mask \(path), which has \(found)")
            default: finish(index, record, wasFound: false)
            }
        case .lock(let lock, let isHeld):
            let job = lock.job.map { ", job \($0)" } ?? ""
            if isHeld {
                stop(index, .busy, "in work on \(lock.host)\(job), process \(lock.process)")
            } else {
                stop(index, .missing, "begun on \(lock.host)\(job), but not finished")
            }
        }
    }
}

/// Masks of a folder that are finished, or begun.
private struct FoundMasks {
    enum Content {
        case record(MaskRecord)
        case lock(MaskLock, isHeld: Bool)
    }

    struct Mask {
        let path: FilePath
        let image: FilePath
        let content: Content
    }

    private(set) var masks = [Mask]()
    /// Records of masks that were cut short.
    private(set) var damaged = [FilePath]()

    mutating func search(_ root: FilePath) throws(FileError) {
        var (folders, seen) = ([root], Set<FileIdentity>())
        var (finished, locks) = (Set<FilePath>(), [Mask]())
        while let folder = folders.popLast() {
            guard let identity = FileIdentity(folder), seen.insert(identity).inserted else { continue }
            for path in try Folder.paths(in: folder) {
                let name = path.name
                if name.hasSuffix(FileLock.suffix), name.hasPrefix(".") {
                    let mask = path.sibling(String(name.dropFirst().dropLast(FileLock.suffix.count)))
                    guard let state = FileLock.state(of: path), let lock = MaskLock(state.owner) else { continue }
                    locks.append(
                        Mask(path: mask, image: FilePath(lock.image), content: .lock(lock, isHeld: state.isHeld)))
                } else if path.lowercasedExtension == "json", let record = MaskRecord(reading: path) {
                    guard let file = record.files[OutputKind.mask.rawValue] else { continue }
                    // The record lies next to the mask, in records of earlier versions too.
                    let mask = path.sibling(FilePath(file).name)
                    finished.insert(mask)
                    masks.append(Mask(path: mask, image: FilePath(record.image.path), content: .record(record)))
                } else if path.lowercasedExtension == "json", Self.isDamagedRecord(path) {
                    damaged.append(path)
                } else if !name.hasPrefix("."), path.isFolder {
                    folders.append(path)
                }
            }
        }
        masks += locks.filter { !finished.contains($0.path) }
    }

    /// Whether a file that cannot be read as a record was one: it is named like a mask next to it, and its name or its
    /// beginning is that of a record.
    private static func isDamagedRecord(_ path: FilePath) -> Bool {
        let stem = path.stem ?? ""
        guard ["png", "tif", "tiff"].contains(where: { path.sibling("\(stem).\($0)").isFile }) else { return false }
        if stem.hasSuffix("_nuclei_mask") { return true }
        let data = try? FileBytes.data(path)
        return data?.starts(with: "{\n  \"coverage\"".utf8) ?? false
    }

    typealias Row = (image: FilePath, mask: Mask?)

    /// A row for each mask, by the names of the images.
    var rows: [Row] {
        let images = Dictionary(grouping: masks) { $0.image }
        return ImageSearch.sorted(Array(images.keys)).flatMap { image in
            images[image]!.sorted { $0.path.string < $1.path.string }.map { (image, $0) }
        }
    }

    /// A row for each mask of an image, in the order of the images, or one without a mask.
    func rows(of images: [FilePath]) -> [Row] {
        var groups = Dictionary(grouping: masks) { $0.image.place }
        let places = images.map(\.place)
        var own = places.map { groups[$0] }
        for place in places { groups[place] = nil }
        // File names that occur once.
        let names = Dictionary(grouping: images.indices.filter { own[$0] == nil }) { images[$0].name }
        for (name, others) in Dictionary(grouping: groups.values, by: { $0[0].image.name }) {
            if let index = names[name], index.count == 1, others.count == 1 { own[index[0]] = others[0] }
        }
        return zip(images, own).flatMap { image, masks -> [Row] in
            masks?.sorted { $0.path.string < $1.path.string }.map { (image, $0) } ?? [(image, nil)]
        }
    }
}
