import Foundations
import Testing

struct StainVectorTests {
    @Test func vectorsHaveUnitLengthAndLeanTheRightWay() {
        let (ruifrok, macenko) = (StainVectors.ruifrok, StainVectors.macenko)
        for vector in [ruifrok.hematoxylin, ruifrok.eosin, macenko.hematoxylin, macenko.eosin] {
            #expect(((vector * vector).sum() - 1).magnitude < 5e-3, "\(vector)")
        }
        // Hematoxylin is blue: it absorbs red. Eosin is pink: it absorbs green.
        for (hematoxylin, eosin) in [
            (ruifrok.hematoxylin, ruifrok.eosin), (macenko.hematoxylin, macenko.eosin),
        ] {
            #expect(hematoxylin.x > eosin.x && eosin.y > hematoxylin.y)
        }
        #expect(ruifrok.dab.z > ruifrok.dab.x, "DAB is brown: it absorbs blue")
    }
}
