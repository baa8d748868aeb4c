/// Microns per pixel that a microscope can have.
package let plausibleMicronsPerPixel = 0.05...20.0
