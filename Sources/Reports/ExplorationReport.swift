/// What a data set is like. Whatever is left out is left out of the page.
package struct ExplorationReport: Sendable {
    /// Pictures of tiles that belong together: samples of a class, or what was found.
    package struct Album: Sendable {
        package var title: String
        package var text: String
        package var pictures: [Page.Picture]
        /// Pictures to compare, such as pairs of duplicates.
        package var sets: [[Page.Picture]]

        package init(_ title: String, _ text: String, _ pictures: [Page.Picture], sets: [[Page.Picture]] = []) {
            self.title = title
            self.text = text
            self.pictures = pictures
            self.sets = sets
        }
    }

    /// Shares of pixels by value, one channel.
    package struct Histogram: Sendable {
        package var channel: String
        /// Name of the class and 256 shares.
        package var classes: [(name: String, shares: [Double])]

        package init(channel: String, classes: [(name: String, shares: [Double])]) {
            self.channel = channel
            self.classes = classes
        }
    }

    package var title = ""
    package var subtitle = ""
    package var headline: [(value: String, name: String)] = []
    /// What to look into, the most serious first.
    package var remarks: [String] = []
    /// Class counts, value ranges, means and deviations.
    package var tables: [Page.Table] = []
    package var histograms: [Histogram] = []
    /// By class or unlabelled: first and second principal component.
    package var components: [(name: String, points: [Chart.Point])] = []
    /// The one of `components` that has no label, drawn in grey.
    package var unlabelledName = "unlabeled"
    /// Shares of the variance.
    package var explained: [Double] = []
    package var samples: [Album] = []
    package var findings: [Album] = []
    package var groups: Page.Table?

    package init() {}
}
