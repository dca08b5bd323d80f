"""Data that others publish: where they are, how they are fetched, and how they become tables.

registry.yaml      what there is: address or DOI, checksum where the publisher gives one, licence, citation, rows
registry.py        reads it; figshare.py asks figshare which files a DOI has today
fetching.py        brings files into the data directory, atomically; resuming.py continues partial ones,
                   download_record.py records and verifies what is there
recipes.yaml       each paper's query to the Materials Project; mp_client.py asks, materials_project.py keeps the pages,
                   mp_pack.py makes the structure pack of them
lists.py, matbench.py, and readers of other packages         files as they come -> files that `common.sources.datadir`
                   reads (writing.py); tables.py tables of archives with a JSON list
"""
