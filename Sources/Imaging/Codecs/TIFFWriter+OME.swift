extension TIFFWriter.Properties {
    /// The metadata of an image of one plane as OME-XML (https://docs.openmicroscopy.org/ome-model).
    func omeXML(width: Int, height: Int, samples: TIFFWriter.Samples) -> String {
        let schema = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
        let count = samples == .rgb ? 3 : 1
        let type =
            switch samples {
            case .gray, .rgb: "uint8"
            case .float: "float"
            case .label: "uint32"
            }
        // The unit is a micron by default.
        let size = micronsPerPixel.map { " PhysicalSizeX=\"\($0.x)\" PhysicalSizeY=\"\($0.y)\"" } ?? ""
        return """
            <?xml version="1.0" encoding="UTF-8"?><OME xmlns="\(schema)" \
            xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="\(schema) \(schema)/ome.xsd" \
            Creator="\(Self.escape(software))"><Image ID="Image:0" Name="\(Self.escape(channel))">\
            <Description>\(Self.escape(description))</Description><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="\(type)" \
            Interleaved="\(count > 1)" SizeX="\(width)" SizeY="\(height)" SizeC="\(count)" SizeZ="1" SizeT="1"\(size)>\
            <Channel ID="Channel:0:0" Name="\(Self.escape(channel))" SamplesPerPixel="\(count)"/>\
            <TiffData IFD="0" PlaneCount="1"/></Pixels></Image></OME>
            """
    }

    private static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
    }
}
