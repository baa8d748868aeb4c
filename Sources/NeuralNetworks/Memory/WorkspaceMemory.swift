import Tensors

/// Memory that workspaces of different shapes use one after the other; it grows to what the largest one needs.
package final class WorkspaceMemory {
    private var pieces = [Tensor]()
    private var common = Tensor([0])

    package init() {}

    func piece(_ index: Int, _ count: Int) -> Tensor {
        while pieces.count <= index { pieces.append(Tensor([0])) }
        pieces[index] = Self.grown(pieces[index], count)
        return pieces[index].view([count])
    }

    func scratch(_ count: Int) -> Tensor {
        common = Self.grown(common, count)
        return common.view([count])
    }

    private static func grown(_ tensor: Tensor, _ count: Int) -> Tensor {
        tensor.count >= count ? tensor : Tensor([count])
    }
}
