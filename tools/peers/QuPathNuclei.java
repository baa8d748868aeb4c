import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.File;
import java.util.Collection;
import javax.imageio.ImageIO;
import qupath.imagej.detect.cells.WatershedCellDetection;
import qupath.lib.images.ImageData;
import qupath.lib.images.servers.ImageServerMetadata;
import qupath.lib.images.servers.WrappedBufferedImageServer;
import qupath.lib.objects.PathObject;
import qupath.lib.objects.PathObjects;
import qupath.lib.plugins.CommandLineTaskRunner;
import qupath.lib.regions.ImagePlane;
import qupath.lib.roi.ROIs;
import qupath.lib.roi.interfaces.ROI;

/**
 * Nuclei by QuPath's cell detection with its default settings, as label images of 16 bits, OUT/IMAGE_labels.png. Prints the
 * seconds of detection for each image, without decoding.
 *
 * <p>Usage: java -cp 'QUPATH/lib/app/*' QuPathNuclei.java MICRONS_PER_PIXEL OUT IMAGE...
 */
public class QuPathNuclei {
    public static void main(String[] arguments) throws Exception {
        double microns = Double.parseDouble(arguments[0]);
        for (int i = 2; i < arguments.length; i++) {
            File file = new File(arguments[i]);
            String name = file.getName().replaceFirst("\\.[^.]*$", "");
            BufferedImage image = opaque(ImageIO.read(file));
            long start = System.nanoTime();
            Collection<PathObject> nuclei = detect(image, name, microns);
            System.out.printf("%s\t%d\t%.3f%n", name, nuclei.size(), (System.nanoTime() - start) * 1e-9);
            ImageIO.write(labels(nuclei, image), "png", new File(arguments[1], name + "_labels.png"));
        }
    }

    private static BufferedImage opaque(BufferedImage image) {
        BufferedImage copy = new BufferedImage(image.getWidth(), image.getHeight(), BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = copy.createGraphics();
        graphics.drawImage(image, 0, 0, null);
        graphics.dispose();
        return copy;
    }

    private static Collection<PathObject> detect(BufferedImage image, String name, double microns) throws Exception {
        WrappedBufferedImageServer server = new WrappedBufferedImageServer(name, image);
        server.setMetadata(
                new ImageServerMetadata.Builder(server.getMetadata()).pixelSizeMicrons(microns, microns).build());
        ImageData<BufferedImage> data = new ImageData<>(server, ImageData.ImageType.BRIGHTFIELD_H_E);
        PathObject whole = PathObjects.createAnnotationObject(
                ROIs.createRectangleROI(0, 0, image.getWidth(), image.getHeight(), ImagePlane.getDefaultPlane()));
        data.getHierarchy().addObject(whole);
        data.getHierarchy().getSelectionModel().setSelectedObject(whole);
        // Cells around nuclei are not scored.
        new WatershedCellDetection().runPlugin(new CommandLineTaskRunner(), data, "{\"cellExpansionMicrons\": 0}");
        return data.getHierarchy().getDetectionObjects();
    }

    private static BufferedImage labels(Collection<PathObject> nuclei, BufferedImage image) {
        BufferedImage labels =
                new BufferedImage(image.getWidth(), image.getHeight(), BufferedImage.TYPE_USHORT_GRAY);
        int label = 0;
        for (PathObject nucleus : nuclei) {
            label++;
            ROI roi = nucleus.getROI();
            java.awt.Shape shape = roi.getShape();
            java.awt.Rectangle box = shape.getBounds();
            for (int y = Math.max(0, box.y); y < Math.min(image.getHeight(), box.y + box.height + 1); y++)
                for (int x = Math.max(0, box.x); x < Math.min(image.getWidth(), box.x + box.width + 1); x++)
                    if (shape.contains(x + 0.5, y + 0.5))
                        labels.getRaster().setSample(x, y, 0, label);
        }
        return labels;
    }
}
