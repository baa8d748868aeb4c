import Foundations

extension OutputNames {
    /// Gives images that would get the same files names that tell them apart: with the extension, as in "a.svs", else with
    /// folders in front, as in "patient1_a". The first of these that is different for all of them is used.
    ///
    /// Images keep their names where no name helps, because the requested names of files do not depend on it.
    package mutating func distinguish(_ images: [FilePath]) {
        var choices = [Int](repeating: 0, count: images.count)
        while true {
            var isChanged = false
            for group in clashes(images) {
                var choice = group.map { choices[$0] }.max()! + 1
                while let texts = Self.texts(group.map { images[$0] }, choice) {
                    guard Set(texts).count == texts.count else {
                        choice += 1
                        continue
                    }
                    for (index, text) in zip(group, texts) {
                        choices[index] = choice
                        distinct[images[index]] = text
                    }
                    isChanged = true
                    break
                }
            }
            if !isChanged { return }
        }
    }

    /// Groups of images that have files in common, as indices.
    private func clashes(_ images: [FilePath]) -> [[Int]] {
        var sets = UnionFind(count: images.count)
        var owners = [FilePath: Int]()
        for index in images.indices {
            for path in allPaths(for: images[index]).map(\.location) {
                let (own, other) = (sets.root(of: index), sets.root(of: owners[path] ?? index))
                if own != other { sets.attach(own, to: other) }
                owners[path] = index
            }
        }
        return Dictionary(grouping: images.indices, by: sets.root).filter { $0.value.count > 1 }
            .sorted { $0.key < $1.key }.map(\.value)
    }

    /// Texts for images: their names without and with the extension, then both with more and more folders in front; nil
    /// where an image has no more folders.
    private static func texts(_ images: [FilePath], _ choice: Int) -> [String]? {
        var texts = [String]()
        for image in images {
            let own = (choice % 2 == 0 ? image.stem : image.name) ?? image.name
            let folders = image.absolute.removingLastComponent().components.suffix(choice / 2).map(\.string)
            guard folders.count == choice / 2 else { return nil }
            texts.append((folders + [own]).joined(separator: "_"))
        }
        return texts
    }
}
