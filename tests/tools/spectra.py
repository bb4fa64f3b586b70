"""A small mzML file of profile spectra, as a mass spectrometer makes them: peaks on a flat ground."""
import base64
import math
import struct

PEAKS = [(400.25, 1000.0), (401.25, 550.0), (512.75, 2000.0)]


def spectrum(index):
    mz = [395.0 + 0.005 * step for step in range(24_000)]
    values = []
    for at in mz:
        values.append(1.0 + sum(height * math.exp(-(((at - centre) / 0.02) ** 2)) for centre, height in PEAKS))
    arrays = ""
    for numbers, accession, name in ((mz, "MS:1000514", "m/z array"), (values, "MS:1000515", "intensity array")):
        packed = base64.b64encode(struct.pack(f"<{len(numbers)}d", *numbers)).decode()
        arrays += (
            f'<binaryDataArray encodedLength="{len(packed)}"><cvParam cvRef="MS" accession="MS:1000523" name="64-bit float"/>'
            f'<cvParam cvRef="MS" accession="MS:1000576" name="no compression"/>'
            f'<cvParam cvRef="MS" accession="{accession}" name="{name}"/><binary>{packed}</binary></binaryDataArray>'
        )
    return (
        f'<spectrum index="{index}" id="scan={index + 1}" defaultArrayLength="{len(mz)}">'
        '<cvParam cvRef="MS" accession="MS:1000579" name="MS1 spectrum"/><cvParam cvRef="MS" accession="MS:1000511" name="ms level" value="1"/>'
        '<cvParam cvRef="MS" accession="MS:1000128" name="profile spectrum"/>'
        '<scanList count="1"><cvParam cvRef="MS" accession="MS:1000795" name="no combination"/><scan>'
        f'<cvParam cvRef="MS" accession="MS:1000016" name="scan start time" value="{index + 1}" unitCvRef="UO" unitAccession="UO:0000010" unitName="second"/>'
        f'</scan></scanList><binaryDataArrayList count="2">{arrays}</binaryDataArrayList></spectrum>'
    )


def write(path, count=3):
    spectra = "".join(spectrum(index) for index in range(count))
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<mzML xmlns="http://psi.hupo.org/ms/mzml" version="1.1.0"><cvList count="2">'
        '<cv id="MS" fullName="Proteomics Standards Initiative Mass Spectrometry Ontology" URI="http://psidev.info/ms/mzML/psi-ms.obo"/>'
        '<cv id="UO" fullName="Unit Ontology" URI="http://obo.cvs.sourceforge.net/obo/obo/ontology/phenotype/unit.obo"/></cvList>'
        '<fileDescription><fileContent><cvParam cvRef="MS" accession="MS:1000579" name="MS1 spectrum"/></fileContent></fileDescription>'
        '<softwareList count="1"><software id="s" version="1"><cvParam cvRef="MS" accession="MS:1000799" name="custom unreleased software tool" value="s"/></software></softwareList>'
        '<instrumentConfigurationList count="1"><instrumentConfiguration id="ic"><cvParam cvRef="MS" accession="MS:1000031" name="instrument model"/></instrumentConfiguration></instrumentConfigurationList>'
        '<dataProcessingList count="1"><dataProcessing id="dp"><processingMethod order="1" softwareRef="s"><cvParam cvRef="MS" accession="MS:1000544" name="Conversion to mzML"/></processingMethod></dataProcessing></dataProcessingList>'
        f'<run id="r" defaultInstrumentConfigurationRef="ic"><spectrumList count="{count}" defaultDataProcessingRef="dp">{spectra}</spectrumList></run></mzML>\n'
    )
    return path
