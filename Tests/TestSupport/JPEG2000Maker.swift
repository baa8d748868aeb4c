import COpenJPEG

/// Makes JPEG 2000 codestreams of three components of 8 bits, without loss.
package struct JPEG2000Maker {
    package var width: Int
    package var height: Int
    /// Columns per sample of the second and the third component, as in Aperio's YCbCr: 1 or 2.
    package var subsampling = 1
    /// Halvings that a reader can leave out.
    package var halvings = 3
    /// Value of a component at a pixel.
    package var value: (_ x: Int, _ y: Int, _ component: Int) -> UInt8

    package init(width: Int, height: Int, value: @escaping (_ x: Int, _ y: Int, _ component: Int) -> UInt8) {
        (self.width, self.height, self.value) = (width, height, value)
    }

    /// The bytes that the encoder has written. After a seek, it replaces earlier ones.
    private final class Output {
        var bytes = [UInt8]()
        var next = 0

        func write(_ part: UnsafeRawBufferPointer) {
            let end = min(bytes.count, next + part.count)
            bytes.replaceSubrange(next..<end, with: part)
            next += part.count
        }
    }

    package var bytes: [UInt8] {
        let output = Output()
        let stream = opj_stream_create(1 << 16, OPJ_FALSE)
        let codec = opj_create_compress(OPJ_CODEC_J2K)
        let image = self.image()
        defer {
            opj_image_destroy(image)
            opj_destroy_codec(codec)
            opj_stream_destroy(stream)
        }
        opj_stream_set_user_data(stream, Unmanaged.passUnretained(output).toOpaque(), nil)
        opj_stream_set_write_function(stream) { part, count, output in
            Unmanaged<Output>.fromOpaque(output!).takeUnretainedValue()
                .write(UnsafeRawBufferPointer(start: part, count: count))
            return count
        }
        opj_stream_set_seek_function(stream) { place, output in
            Unmanaged<Output>.fromOpaque(output!).takeUnretainedValue().next = Int(place)
            return OPJ_TRUE
        }
        var parameters = opj_cparameters_t()
        opj_set_default_encoder_parameters(&parameters)
        parameters.tcp_numlayers = 1
        parameters.cp_disto_alloc = 1
        parameters.numresolution = Int32(halvings + 1)
        parameters.tcp_mct = subsampling == 1 ? 1 : 0
        let isDone =
            opj_setup_encoder(codec, &parameters, image) == OPJ_TRUE
            && opj_start_compress(codec, image, stream) == OPJ_TRUE && opj_encode(codec, stream) == OPJ_TRUE
            && opj_end_compress(codec, stream) == OPJ_TRUE
        precondition(isDone, "OpenJPEG does not encode \(width) x \(height) pixels")
        return withExtendedLifetime(output) { output.bytes }
    }

    private func image() -> UnsafeMutablePointer<opj_image_t> {
        var components = (0..<3).map { index in
            var component = opj_image_cmptparm_t()
            let step = index == 0 ? 1 : subsampling
            (component.dx, component.dy) = (UInt32(step), 1)
            (component.w, component.h) = (UInt32((width + step - 1) / step), UInt32(height))
            (component.prec, component.bpp) = (8, 8)
            return component
        }
        let image = opj_image_create(3, &components, OPJ_CLRSPC_UNSPECIFIED)!
        (image.pointee.x1, image.pointee.y1) = (UInt32(width), UInt32(height))
        for index in 0..<3 {
            let (columns, step) = (Int(components[index].w), Int(components[index].dx))
            for place in 0..<columns * height {
                image.pointee.comps[index].data[place] = Int32(value(place % columns * step, place / columns, index))
            }
        }
        return image
    }
}
