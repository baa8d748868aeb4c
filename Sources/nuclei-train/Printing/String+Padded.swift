import Foundations

extension String {
    /// The text padded with spaces to a width. Spaces go before the text if the width is negative, else after it.
    func padded(_ width: Int) -> String {
        let spaces = String(repeating: " ", count: max(0, abs(width) - columns))
        return width < 0 ? spaces + self : self + spaces
    }
}
