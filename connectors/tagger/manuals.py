"""Manuals, papers and titles: where capitals make no names, or rare ones.

A manual is told by the share of words that manuals of programs are full of, and of words spelt like
code; a paper by the share of words of the life sciences, which name genes, drugs and species as
others name people (`Bax`, `Rapamycin`); a title by small words with capitals among words with
capitals (`Of The 70s You Are`).

What is written about a patient is no paper: words that a letter of a hospital has (`patient`,
`diagnosis`, `insulin`) do not count.
"""

from __future__ import annotations

import regex

from agents.conversation.english import ENGLISH

SHORT = 12
"""Words of a paragraph that is judged by those around it."""
WORDS_MIN, SHARE_MIN = 3, 0.06
"""So many such words, and so large a part of all of them, make a manual; or a paper, of its own."""
_LISTED = """
access admin api apis app apps application applications attribute attributes aws azure backup
backups boolean browser bucket buckets cache callback certificate certificates cli click client
clients cloud cluster clusters command commands compute config configuration configurations
configure configured console container containers cpu credentials database databases dataset
datasets default deploy deployed deployment deployments directory disk dns docker documentation
domain domains download encrypted encryption endpoint endpoints file filename files firewall folder
function functions gateway github gpu header host hostname hosts html http https iam ide identifier
ids index indexes input install installed instance instances integer interface invalid ios iops
java javascript json jvm kafka kernel kubernetes lambda latency license linux load localhost log
logging login logs macos memory metadata metric metrics model module modules mysql namespace
network networks node nodes null object objects optional output outputs overview package packages
param parameter parameters parse partition permission permissions php pipeline plugin plugins port
ports prerequisites protocol proxy python query queries queue queues regex replica repository
request requests required resource resources response restart retry rollback root router runtime
scalable schema script scripts sdk sdks section select server serverless servers service services
settings shard shell snapshot snapshots software specify sql ssh ssl stack storage stream string
subnet subnets sudo syntax table tables tag tags template templates terminal thread throughput
timeout timestamp tls token tokens topic topics traffic tutorial ubuntu upload url urls user
username users vm volume volumes vpc warranties webhook windows workflow workflows workload xml yaml
"""
WORDS = frozenset(_LISTED.split())
_OF_PAPERS = """
abundance activates activator agonist agonists allele alleles amino amplification antagonist
antagonists antibodies antigen antigens apoptosis apoptotic assay assays autophagy axon axonal axons
bacterial biochemical bioinformatics biomarker biomarkers biosynthesis carcinogenesis caspase
catalytic cdna cells chemokine chemokines chromatin chromosomal chromosome chromosomes cohort
concentrations conserved covariates crystal culture cultured cytokine cytokines cytoplasm
cytoplasmic cytoskeleton cytosolic deacetylase degradation dendritic dephosphorylation
differentiation dimer dna downregulated downregulation downstream drosophila embryo embryonic
embryos encodes encoding endogenous endosomes endothelial enzyme enzymes epidermal epigenetic
epithelial epithelium escherichia eukaryotes eukaryotic exogenous exons expressing expression
extracellular fibroblast fibroblasts fluorescence gene genes genetic genome genomes genomic genotype
genotypes germline growth hematopoietic heterochromatin heterozygous hippocampal histone histones
homeostasis homolog homologous homologs homozygous hydrolysis hypoxia immunity immunoprecipitation
induces inducible infected inflammatory inhibit inhibited inhibiting inhibition inhibitor inhibitors
inhibitory inhibits interferon interleukin intracellular isoform isoforms kinase kinases knockdown
knockout ligand ligands lineage lineages lipid lipids localization loci locus luciferase lymphocyte
lymphocytes lymphoid lysosomal lysosomes macrophage macrophages mammalian mammals mechanism
mechanisms mediated medline membrane membranes mesenchymal metabolic metabolism metabolite
metabolites methylation mice microarray microbial microbiota microrna micrornas microtubule
microtubules mitochondria mitochondrial mitosis mitotic molecular molecule molecules monocytes
morphology mrna mrnas multivariate murine mutant mutants mutation mutations myeloid neural neuron
neuronal neurons neutrophils nucleosome nucleosomes nucleotide nucleotides nucleus oncogene
oncogenic organelles overexpressed overexpression oxidative pathogen pathogenesis pathogens pathway
pathways peptide peptides phenotype phenotypes phenotypic phosphatase phosphate phosphorylate
phosphorylated phosphorylates phosphorylation placebo plasma plasmid plasticity polymerase
polymorphism polymorphisms polypeptide precursor precursors progenitor progenitors prokaryotic
proliferating proliferation protease proteasome protein proteins proteomic pubmed randomised
randomized receptor receptors recombinant recombination regulates regulatory replicative residues
ribosomal ribosome ribosomes rna rnas secretion senescence serum signaling signalling somatic
stimulation subcellular substrate substrates subunit subunits suppressor synapse synapses synaptic
synthase synthesis telomerase telomere telomeres therapeutic toxin toxins transcription
transcriptional transcriptome transcripts transduction transfected transfection transgenic
translocation tumor tumorigenesis tumors tumour tumours tyrosine ubiquitin ubiquitination
upregulated upregulation upstream vascular vesicle vesicles viral virulence vitro vivo yeast
zebrafish zygotic
"""
PAPER_WORDS = frozenset(_OF_PAPERS.split())
SMALL_MIN = 2
"""So many small words with capitals make a title."""
_SMALL = frozenset(word for word in ENGLISH.function | ENGLISH.auxiliaries if len(word) > 1)
_CAPITAL = r"(?:\p{Lu}[\p{L}'’]*+|\d++s?+)"
_CAPITALS = regex.compile(rf"(?<![\p{{L}}\d]){_CAPITAL}(?:[,:;]?+[ ]{_CAPITAL}){{4,}}+")
_BETWEEN = regex.compile(r"\n\s*\n")
_TOKEN = regex.compile(r"[\p{L}\d_]+")
_SPELT = regex.compile(r"\p{L}*\p{Ll}\p{Lu}\p{L}*|\p{L}+_[\p{L}_]+")
_NAMED = regex.compile(r"(?:Mc|Mac|De|Di|Du|Del|La|Le|Van|Von|Fitz|O)\p{Lu}\p{Ll}+")


def manual_marks(text: str) -> bytes:
    """Say of each character whether it is in a title, or a paragraph like a manual's or paper's.

    Short paragraphs of a manual or paper count, too.
    """
    parts, start = [], 0
    for end in (*(match.end() for match in _BETWEEN.finditer(text)), len(text)):
        parts.append((end - start, *_counted(text[start:end])))
        start = end
    whole = _full_of(*(sum(column) for column in list(zip(*parts, strict=True))[1:]))
    marked = bytearray().join(
        bytes([_full_of(*counts) or (whole and counts[-1] <= SHORT)]) * size
        for size, *counts in parts
    )
    for run in _CAPITALS.finditer(text):
        small = sum(word.istitle() and word.lower() in _SMALL for word in run[0].split()[1:])
        if small >= SMALL_MIN:
            marked[run.start() : run.end()] = b"\1" * len(run[0])
    return bytes(marked)


def _counted(text: str) -> tuple[int, int, int]:
    """Count the words of manuals, those of papers, and all."""
    words = _TOKEN.findall(text)
    found = sum(word.lower() in WORDS or _spelt(word) for word in words)
    return found, sum(word.lower() in PAPER_WORDS for word in words), len(words)


def _spelt(word: str) -> bool:
    return bool(_SPELT.fullmatch(word)) and not _NAMED.fullmatch(word)


def _full_of(of_manuals: int, of_papers: int, words: int) -> bool:
    """Tell whether so many are words of manuals, or so many of papers."""
    found = max(of_manuals, of_papers)
    return found >= WORDS_MIN and found >= SHARE_MIN * words
