-- Which kept items share a band with the items of a page, registered as page_bands.
SELECT DISTINCT p.position, b.item_id
FROM page_bands p JOIN signature_bands b ON b.band = p.band
